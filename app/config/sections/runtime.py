"""Settings of the environment: servers, addresses, migrations."""

from enum import StrEnum
from typing import Annotated, ClassVar

from app.config.forms import AnyCase, BrokerUrl, DatabaseUrl, Origins, PositiveSeconds, RedisUrl, WebAddress
from app.config.sections.base import Section


class Environment(StrEnum):
    """Where the service runs; production refuses what is only safe in development."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class DatabasePooler(StrEnum):
    """The kind of pooler between this service and PostgreSQL."""

    TRANSACTION = "transaction"


class RuntimeSettings(Section):
    """The environment of the service and the servers that it uses."""

    section_title: ClassVar[str] = "Environment and servers"

    environment: Annotated[Environment, AnyCase] = Environment.DEVELOPMENT
    """`development`, `test` or `production`; production refuses to start with an unsafe setting."""
    database_url: DatabaseUrl
    """PostgreSQL 15 or newer, as in `postgresql://user:password@localhost:5432/app`; options of libpq may
    follow after `?`."""
    database_pooler: Annotated[DatabasePooler, AnyCase] | None = None
    """`transaction` if PgBouncer or another pooler in transaction mode is in front of the database."""
    database_connect_seconds: PositiveSeconds = 8
    """Timeout of a connection attempt to the database, in seconds; `connect_timeout` in `DATABASE_URL`
    overrides it."""
    migrate_on_start: bool | None = None
    """Whether API and worker migrate the database at start (`true` or `false`); if false, they refuse to
    start on an older schema."""
    redis_url: RedisUrl
    """Redis 7 or newer, or Valkey, as in `redis://user:password@localhost:6379/0`; `rediss://` for TLS."""
    redis_connect_seconds: PositiveSeconds = 5
    """Timeout of a connection attempt to Redis, in seconds; the attempt continues after the request that
    began it has failed."""
    redis_command_seconds: PositiveSeconds = 0.5
    """Timeout of one Redis command, in seconds."""
    celery_broker_url: BrokerUrl | None = None
    """Address of the queue, in Redis or RabbitMQ (`amqp://`, `amqps://`); the queue is in `REDIS_URL` if
    empty."""
    public_url: WebAddress = "http://localhost:8000"
    """Public address of this service; Stripe redirects to its pages after a payment."""
    allowed_origins: Origins = ()
    """Comma-separated origins that may call the API (CORS), as browsers send them:
    `https://app.example.com`, `capacitor://localhost`. Stripe may redirect to the http and https ones. None
    if empty; in development every origin on localhost is allowed as well."""
