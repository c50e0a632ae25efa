"""RabbitMQ's client verifies certificate and host name by the same rule as Redis's."""

import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from kombu import Connection

from app.config.broker_address import BrokerAddress
from tests.support.installed import IN_CI
from tests.support.redis_server import Certificates

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None and not IN_CI, reason="needs openssl to make certificates"
)


@contextmanager
def _tls_server(certificates: Certificates) -> Iterator[tuple[int, list[str]]]:
    """Run a server that completes a TLS handshake and closes; yields its port and the handshakes' results."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    done: list[str] = []

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                try:
                    with context.wrap_socket(client, server_side=True) as tls:
                        done.append("sent something" if tls.recv(100) else "closed")
                except OSError:
                    done.append("refused")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1], done
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@pytest.mark.parametrize(
    ("host", "options", "is_trusted"),
    [
        ("localhost", "", False),
        ("127.0.0.1", "?ssl_ca_certs={authority}", False),
        ("localhost", "?ssl_ca_certs={authority}", True),
        ("127.0.0.1", "?ssl_ca_certs={authority}&ssl_check_hostname=false", True),
        ("127.0.0.1", "?ssl_cert_reqs=none", True),
    ],
)
def test_amqps_sends_nothing_to_an_unverified_server(
    tmp_path: Path,
    host: str,
    options: str,
    is_trusted: bool,  # noqa: FBT001  # pytest's
) -> None:
    """Red without `server_hostname`: py-amqp then accepts any host's certificate."""
    certificates = Certificates(tmp_path / "certificates")
    with _tls_server(certificates) as (port, done):
        url = f"amqps://guest:guest@{host}:{port}//{options.format(authority=certificates.authority)}"
        address = BrokerAddress.parse(url)
        kombu = Connection(address.url, ssl=address.use_ssl or False, connect_timeout=5)
        with kombu, pytest.raises(OSError):  # noqa: PT011  # rejected, or closed by a server other than RabbitMQ
            kombu.connect()
    assert done[0] == ("sent something" if is_trusted else "refused")
