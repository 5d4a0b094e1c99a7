"""What the backend reads: the client's request without what belongs to its connection, plus who it came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from amazonlite.common.http.middleware import LARGEST_BODY
from amazonlite.common.http.network import IPNetwork, lies_in
from amazonlite.gateway.answer import HeaderList
from amazonlite.gateway.upstream import HOP_BY_HOP

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})

_OWN = {b"host", b"content-length", b"expect", b"x-correlation-id", b"traceparent"}  # written anew for the backend
_FORWARDED = {b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-port", b"forwarded"}
_LOOKED_AT = HOP_BY_HOP | _OWN | _FORWARDED | {b"authorization", b"idempotency-key"}
_DROPPED_FROM_ANSWERS = frozenset((b"x-correlation-id", b"date", b"server"))


class TrustedProxies:
    """Whose X-Forwarded-For is believed: the peers in these networks, nobody by default."""

    def __init__(self, networks: Sequence[IPNetwork] = ()) -> None:
        self._networks = networks

    def trusts(self, address: str) -> bool:
        return lies_in(address, self._networks)

    def chain_of(self, peer: str, forwarded_for: str) -> list[str]:
        """The client, and the proxies that it came through: what lies before is the client's own tale and left out."""
        if not self.trusts(peer):
            return [peer]
        chain = [*(part.strip() for part in forwarded_for.split(",") if part.strip()), peer]
        first = len(chain) - 1
        while first > 0 and self.trusts(chain[first]):
            first -= 1
        return chain[first:]


@dataclass(slots=True)
class Incoming:
    """One pass over the client's headers: what is passed on, and what the gateway itself looks at.

    `authorization` is what the client claims and is never passed on; the backend reads `token`, once it is verified.
    `body_bytes` is what the body may have, the most that is allowed where it does not say.
    """

    passed: HeaderList = field(default_factory=list)
    authorization: bytes = b""
    token: str = ""
    host: bytes = b""
    forwarded_for: bytes = b""
    forwarded_proto: bytes = b""
    body_bytes: int = 0
    keyed: bool = False

    @classmethod
    def read(cls, headers: Iterable[tuple[bytes, bytes]]) -> Incoming:
        found = cls()
        passed = found.passed
        named: set[bytes] = set()
        for header in headers:
            name = header[0]
            if name not in _LOOKED_AT:
                passed.append(header)
            else:
                found._note(header, named)
        if named:
            found.passed = [header for header in passed if header[0] not in named]
            found.keyed = found.keyed and b"idempotency-key" not in named
        return found

    def _note(self, header: tuple[bytes, bytes], named: set[bytes]) -> None:
        name, value = header
        if name == b"authorization":
            self.authorization = value
        elif name == b"idempotency-key":
            self.passed.append(header)
            self.keyed = True
        elif name == b"host":
            self.host = value
        elif name == b"connection":
            named.update(part.strip().lower() for part in value.split(b",") if b"close" not in part.lower())
        else:
            self._note_way(name, value)

    def _note_way(self, name: bytes, value: bytes) -> None:
        """How large it is, and how it came here."""
        if name == b"content-length" and value.isdigit():
            self.body_bytes = int(value)
        elif name in {b"content-length", b"transfer-encoding"}:
            self.body_bytes = LARGEST_BODY
        elif name == b"x-forwarded-for":
            self.forwarded_for = self.forwarded_for + b", " + value if self.forwarded_for else value
        elif name == b"x-forwarded-proto":
            self.forwarded_proto = value


def request_bytes(
    scope: Any,
    incoming: Incoming,
    body: bytes,
    *,
    host_line: bytes,
    chain: Sequence[str],
    trace: tuple[str, str],
) -> bytes:
    """The whole request in one piece; `chain` is who it came from, `trace` correlation id and traceparent."""
    method, query = scope["method"], scope["query_string"]
    forwarded_for = ", ".join(chain).encode("latin-1")
    through_proxy = len(chain) > 1
    proto = incoming.forwarded_proto if through_proxy and incoming.forwarded_proto else scope["scheme"].encode()
    parts = [
        method.encode(),
        b" ",
        scope["raw_path"],
        b"?" + query if query else b"",
        b" HTTP/1.1\r\n",
        host_line,
        b"x-forwarded-for: %s\r\nx-forwarded-proto: %s\r\nx-forwarded-host: %s\r\n"
        % (forwarded_for, proto, incoming.host),
        f"x-correlation-id: {trace[0]}\r\ntraceparent: {trace[1]}\r\n".encode("latin-1"),
    ]
    if incoming.token:
        parts.append(b"authorization: Bearer %s\r\n" % incoming.token.encode())
    for name, value in incoming.passed:
        parts += (name, b": ", value, b"\r\n")
    if body or incoming.body_bytes or method in {"POST", "PUT", "PATCH"}:
        parts.append(b"content-length: %d\r\n" % len(body))
    parts += (b"\r\n", body)
    return b"".join(parts)


def answer_headers(headers: HeaderList, added: HeaderList) -> HeaderList:
    return [header for header in headers if header[0] not in _DROPPED_FROM_ANSWERS] + added
