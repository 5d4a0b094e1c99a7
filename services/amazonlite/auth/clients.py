"""Service clients from a folder: a file per client id, `{"secretHash": sha256 hex of the secret, "scopes": […]}`."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from pathlib import Path

import msgspec

from amazonlite.auth.domain import InvalidClient, hash_of


class BadClientFile(Exception):
    """A file in the folder of clients is not what it should be; its name is in the message."""


class _Client(msgspec.Struct, rename="camel"):
    secret_hash: str
    scopes: list[str]


_NOBODY = _Client(secret_hash=hash_of(""), scopes=[])


class Clients:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clients: Mapping[str, _Client] = {}
        self.reload()

    def reload(self) -> None:
        """Take what is in the folder now; an unreadable file leaves the clients as they were."""
        # A mounted Secret also holds `..data`, the link behind its atomic updates.
        paths = [path for path in self._folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        self._clients = {path.name: _load(path) for path in paths}

    def scopes_of(self, client_id: str, secret: str) -> list[str]:
        """The client's scopes; an unknown id is compared too, so that it takes no less time than a wrong secret."""
        client = self._clients.get(client_id, _NOBODY)
        right = hmac.compare_digest(hash_of(secret), client.secret_hash)
        if not right or client is _NOBODY:
            raise InvalidClient("client id or secret is wrong")
        return client.scopes


def _load(path: Path) -> _Client:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Client)
    except msgspec.DecodeError as error:
        raise BadClientFile(f"{path.name}: {error}") from error
