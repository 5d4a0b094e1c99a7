"""Requests and answers of the auth service on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from amazonlite.common.http.body import Strict

MOST_SUBJECTS = 1000

Password = Annotated[SecretStr, Field(min_length=8, max_length=128)]
# A customer who does not exist: neither one who signed up (`usr_…`) nor a service (`svc_…`) is ever named so.
Subject = Annotated[str, StringConstraints(pattern=r"^syn_[A-Za-z0-9_-]{1,59}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^syn_[A-Za-z0-9_-]{1,50}$")]


class _Wire(Strict):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class SignUp(_Wire):
    email: str = Field(max_length=320)
    password: Password
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class SignedUp(_Wire):
    user_id: str


class LogIn(_Wire):
    email: str = Field(max_length=320)
    password: SecretStr = Field(max_length=128)


class Refresh(_Wire):
    refresh_token: SecretStr = Field(max_length=200)


class TokensView(_Wire):
    access_token: str
    refresh_token: str
    expires_in: int
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 — a scheme, not a secret


class PrincipalView(_Wire):
    subject: str
    scopes: list[str]
    kind: Literal["user", "service"]
    session_id: str
    token_id: str
    expires_at: datetime


class ClientCredentials(_Wire):
    client_id: str = Field(max_length=64)
    client_secret: SecretStr = Field(max_length=200)


class ServiceTokenView(_Wire):
    access_token: str
    expires_in: int


class BulkRequest(_Wire):
    """Either the subjects themselves, or how many to make up and what they begin with."""

    subjects: list[Subject] | None = Field(None, min_length=1, max_length=MOST_SUBJECTS)
    count: int | None = Field(None, ge=1, le=MOST_SUBJECTS)
    prefix: Prefix = "syn_load"
    ttl_seconds: int = Field(900, ge=1, le=3600)
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]

    @model_validator(mode="after")
    def one_way_only(self) -> Self:
        if (self.subjects is None) == (self.count is None):
            raise ValueError("send either subjects or count")
        return self

    def wanted(self) -> list[str]:
        return self.subjects or [f"{self.prefix}_{number:04d}" for number in range(self.count or 0)]


class BulkToken(_Wire):
    subject: str
    access_token: str


class BulkTokens(_Wire):
    tokens: list[BulkToken]
