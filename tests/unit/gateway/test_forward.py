from typing import Any

import pytest

from amazonlite.common.http.network import networks_in
from amazonlite.gateway.forward import Incoming, TrustedProxies, answer_headers, request_bytes


def sent(*headers: tuple[bytes, bytes], body: bytes = b"", proxies: str = "", **scope: Any) -> list[bytes]:
    """The lines of the request's head that the backend reads, then its body."""
    whole: dict[str, Any] = {
        "method": "GET",
        "raw_path": b"/api/a%20b",
        "query_string": b"",
        "scheme": "http",
        **scope,
    }
    incoming = Incoming.read([(b"host", b"shop.test"), *headers])
    raw = request_bytes(
        whole,
        incoming,
        body,
        host_line=b"host: a:8000\r\n",
        chain=TrustedProxies(networks_in(proxies)).chain_of("10.0.0.9", incoming.forwarded_for.decode()),
        trace=("cor_1", "00-trace"),
    )
    head, _, rest = raw.partition(b"\r\n\r\n")
    return [*head.split(b"\r\n"), rest]


def test_the_backend_sees_the_path_as_it_was_sent_and_who_sent_it() -> None:
    lines = sent((b"accept", b"*/*"), query_string=b"q=%C3%A4")
    assert lines[0] == b"GET /api/a%20b?q=%C3%A4 HTTP/1.1"
    assert {b"host: a:8000", b"x-forwarded-host: shop.test", b"x-forwarded-for: 10.0.0.9"} <= set(lines)
    assert {b"x-forwarded-proto: http", b"x-correlation-id: cor_1", b"traceparent: 00-trace", b"accept: */*"} <= set(
        lines
    )
    assert not any(line.startswith(b"content-length") for line in lines)


def test_headers_of_the_clients_connection_stay_behind() -> None:
    lines = sent(
        (b"connection", b"keep-alive, X-Private"),
        (b"x-private", b"1"),
        (b"te", b"trailers"),
        (b"upgrade", b"h2c"),
        (b"transfer-encoding", b"chunked"),
        (b"proxy-authorization", b"x"),
        (b"expect", b"100-continue"),
        (b"x-correlation-id", b"forged"),
        (b"content-length", b"99"),
        body=b"{}",
        method="POST",
    )
    names = [line.split(b":")[0] for line in lines]
    assert not {b"connection", b"x-private", b"te", b"upgrade", b"transfer-encoding", b"expect"} & set(names)
    assert b"proxy-authorization" not in names
    assert names.count(b"x-correlation-id") == names.count(b"content-length") == 1
    assert b"content-length: 2" in lines
    assert lines[-1] == b"{}"


def test_a_post_without_a_body_says_so() -> None:
    assert b"content-length: 0" in sent(method="POST")


def test_forwarded_headers_of_strangers_are_replaced_and_of_trusted_proxies_continued() -> None:
    forged = ((b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded-proto", b"https"))
    assert b"x-forwarded-for: 10.0.0.9" in sent(*forged)
    assert b"x-forwarded-proto: http" in sent(*forged)
    assert b"x-forwarded-for: 1.2.3.4, 10.0.0.9" in sent(*forged, proxies="10.0.0.0/8")
    assert b"x-forwarded-proto: https" in sent(*forged, proxies="10.0.0.0/8")


@pytest.mark.parametrize(
    ("networks", "chain", "client"),
    [
        ("", "6.6.6.6", "10.0.0.9"),
        ("10.0.0.0/8", "", "10.0.0.9"),
        ("10.0.0.0/8", "6.6.6.6", "6.6.6.6"),
        ("10.0.0.0/8", "1.1.1.1, 6.6.6.6, 10.0.0.3", "6.6.6.6"),
        ("10.0.0.0/8", "6.6.6.6, 10.0.0.3, 10.0.0.4", "6.6.6.6"),
        ("10.0.0.0/8", "10.0.0.3", "10.0.0.3"),
        ("10.0.0.0/8", "nonsense", "nonsense"),
        ("192.168.0.0/16, 2001:db8::/32", "6.6.6.6", "10.0.0.9"),
    ],
)
def test_the_client_is_the_last_that_no_trusted_proxy_wrote(networks: str, chain: str, client: str) -> None:
    assert TrustedProxies(networks_in(networks)).chain_of("10.0.0.9", chain)[0] == client


def test_the_backend_reads_the_client_first_and_no_address_that_the_client_made_up() -> None:
    came = ((b"x-forwarded-for", b"1.1.1.1, 6.6.6.6"), (b"x-forwarded-for", b"10.0.0.3"))
    assert b"x-forwarded-for: 6.6.6.6, 10.0.0.3, 10.0.0.9" in sent(*came, proxies="10.0.0.0/8")
    assert b"x-forwarded-for: 10.0.0.9" in sent(*came)


@pytest.mark.parametrize(
    ("header", "size"),
    [((b"content-length", b"7"), 7), ((b"content-length", b"0"), 0), ((b"transfer-encoding", b"chunked"), 2**20)],
)
def test_a_body_that_does_not_say_its_size_may_have_the_most(header: tuple[bytes, bytes], size: int) -> None:
    assert Incoming.read([header]).body_bytes == size


def test_a_peer_without_an_address_is_not_trusted() -> None:
    assert not TrustedProxies(networks_in("10.0.0.0/8")).trusts("unknown")


def test_answers_lose_what_the_gateway_writes_itself() -> None:
    kept = (b"etag", b'"1"')
    assert answer_headers([kept, (b"server", b"x"), (b"x-correlation-id", b"c")], [(b"ratelimit", b"r")]) == [
        kept,
        (b"ratelimit", b"r"),
    ]
