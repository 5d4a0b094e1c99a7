"""Settings come from the environment only; a service's settings hold the groups it needs, each by default_factory."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class MysqlSettings(BaseSettings):
    """MYSQL_*; the migrate account may change the schema and exists only in the init container."""

    model_config = SettingsConfigDict(env_prefix="MYSQL_")

    host: str = "mysql"
    port: int = 3306
    database: str
    user: str = ""
    password: str = Field(default="", repr=False)
    migrate_user: str = ""
    migrate_password: str = Field(default="", repr=False)


class RedisSettings(BaseSettings):
    """REDIS_*; the URL holds the password, so it is never shown."""

    model_config = SettingsConfigDict(env_prefix="REDIS_")

    url: str = Field(repr=False)


class KafkaSettings(BaseSettings):
    """KAFKA_*; without a user nobody logs in.

    POD_NAME is the instance, under which a process that starts again gets its partitions back at once. Two processes
    of one name must never consume at once: the older one is fenced.
    """

    model_config = SettingsConfigDict(env_prefix="KAFKA_", populate_by_name=True)

    bootstrap: str = "kafka:9092"
    user: str = ""
    password: str = Field(default="", repr=False)
    mechanism: str = "PLAIN"
    instance: str = Field(default="", validation_alias="POD_NAME")


class MongoSettings(BaseSettings):
    """MONGO_*; the account is one of the database. Without a user nobody logs in."""

    model_config = SettingsConfigDict(env_prefix="MONGO_")

    url: str = Field(repr=False)
    database: str = "product"
    user: str = ""
    password: str = Field(default="", repr=False)


class AuthClientSettings(BaseSettings):
    """AUTH_URL and this service's own credentials, AUTH_CLIENT_ID and AUTH_CLIENT_SECRET."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    url: str = "http://auth:8000"
    client_id: str = ""
    client_secret: str = Field(default="", repr=False)


class EventServiceSettings(BaseSettings):
    """What every service has that sends or takes events and calls others; its own settings come beside these."""

    mysql: MysqlSettings = Field(default_factory=MysqlSettings)
    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    auth: AuthClientSettings = Field(default_factory=AuthClientSettings)


class ObserveSettings(BaseSettings):
    """LOG_LEVEL, OTEL_EXPORTER_OTLP_ENDPOINT (no traces are sent without it), POD_NAME and POD_NAMESPACE."""

    log_level: str = "info"
    otel_exporter_otlp_endpoint: str = ""
    pod_name: str = ""
    pod_namespace: str = ""
