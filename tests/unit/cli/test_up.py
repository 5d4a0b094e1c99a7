"""The shop is up when this cluster's gateway answers; another program behind its port is told apart."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from amazonlite_cli import up
from amazonlite_cli.errors import CommandError
from amazonlite_cli.progress import Step

SHOP = b'{"alive": true, "instance": "this"}'


class Program(BaseHTTPRequestHandler):
    answers: list[bytes]

    def do_GET(self) -> None:
        body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not into the test's output."""


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Program]]:
    server = HTTPServer(("127.0.0.1", 0), Program)
    monkeypatch.setattr(up, "SHOP_URL", f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, daemon=True).start()
    yield Program
    server.shutdown()
    server.server_close()


def test_this_shops_gateway_is_known_by_its_instance(program: type[Program]) -> None:
    program.answers = [SHOP]
    up.eventually_answered("this", step := Step("shop"))
    assert "200" in step.latest


def test_a_gateway_that_is_being_replaced_is_waited_for(program: type[Program]) -> None:
    program.answers = [b"ok", b"", SHOP]
    up.eventually_answered("this", Step("shop"), within=10)


@pytest.mark.parametrize("answer", [b"ok", b"", b"[1]", b"{}", SHOP.replace(b"this", b"that")])
def test_another_program_is_not_taken_for_the_shop(program: type[Program], answer: bytes) -> None:
    program.answers = [answer]
    with pytest.raises(CommandError, match="another program") as refused:
        up.eventually_answered("this", Step("shop"), within=0.1)
    assert refused.value.code == "port_taken"
    assert "AMAZONLITE_PORT" in refused.value.next_step


def test_nobody_answering_is_not_a_taken_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "SHOP_URL", "http://127.0.0.1:1")
    with pytest.raises(TimeoutError):
        up.eventually_answered("this", Step("shop"), within=0.1)
