"""The address of Celery's broker: Redis, parsed by this service, or RabbitMQ, parsed by kombu."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlunsplit

from app.config.redis_address import (
    RedisAddress,
    credentials_of,
    host_of,
    options_of,
    split_address,
)
from app.config.tls_options import TLS_OPTIONS, TlsOptions

_AMQP_PORTS: Final = {"amqp": 5672, "pyamqp": 5672, "amqps": 5671}
_SCHEMES: Final = {
    "redis": "redis://",
    "rediss": "rediss://",
    "amqp": "amqp://",
    "amqps": "amqps://",
    "pyamqp": "",
    "redis+socket": "",
}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """The settings of Celery's broker."""

    url: str
    use_ssl: dict[str, object] | None
    """For `broker_use_ssl`; None without TLS."""
    redis: RedisAddress | None
    """The same address if the broker is Redis."""

    def __repr__(self) -> str:
        """Leave out the URL, which holds the password."""
        return f"{type(self).__name__}({self.redis or 'amqp'})"

    @classmethod
    def of_redis(cls, redis: RedisAddress) -> "BrokerAddress":
        """Return the address of a queue in this Redis."""
        return cls(redis.as_kombu(), dict(redis.tls.as_redis()) if redis.tls else None, redis)

    @classmethod
    def parse(cls, text: str) -> "BrokerAddress":
        """Read an address of Redis or RabbitMQ.

        Raises:
            ValueError: saying what is wrong, without any part of a value.
        """
        parts = split_address(text, _SCHEMES)
        if parts.scheme in ("redis", "rediss"):
            return cls.of_redis(RedisAddress.parse(text))
        if parts.scheme == "redis+socket":
            return cls(_socket_url(text), None, None)
        host, _ = host_of(parts, _AMQP_PORTS[parts.scheme])
        credentials_of(parts)
        is_tls = parts.scheme == "amqps"
        tls_options = options_of(parts, known=TLS_OPTIONS if is_tls else ())
        for name in ("ssl_ca_path", "ssl_password"):
            if name in tls_options:
                raise ValueError(f"has the option {name}, which RabbitMQ's client does not support")
        tls = TlsOptions.read(tls_options) if is_tls else None
        url = urlunsplit(parts._replace(query=""))
        from kombu.utils.url import parse_url  # noqa: PLC0415  # a process on Redis alone needs no kombu

        try:
            parse_url(url)
        except (ValueError, KeyError):
            raise ValueError("cannot be read by kombu, Celery's client of brokers") from None
        return cls(url, tls.as_amqp(host) if tls else None, None)


def _socket_url(text: str) -> str:
    """Check the address of a Unix socket, which kombu reads as it is."""
    parts = split_address(text, _SCHEMES)
    credentials_of(parts)
    options = options_of(parts, known=("virtual_host",))
    if parts.hostname or len(parts.path) <= 1:
        raise ValueError("names no socket, as in redis+socket:///run/redis.sock")
    if not options.get("virtual_host", "0").isdecimal():
        raise ValueError("has a virtual_host that is no number")
    return text
