"""A webhook is believed only unchanged, with our secret, and fresh."""

from __future__ import annotations

import pytest

from amazonlite.common.testing.fakes import FakeClock
from amazonlite.payment.errors import SignatureExpired, SignatureInvalid
from amazonlite.payment.signature import TOLERANCE_SECONDS, sign, verify

SECRET = b"secret"
PAYLOAD = b'{"id": "pwh_1"}'


def test_what_was_signed_is_believed() -> None:
    clock = FakeClock()
    verify(SECRET, sign(SECRET, PAYLOAD, clock.now()), PAYLOAD, clock.now())


def test_a_changed_payload_time_or_secret_is_not() -> None:
    clock = FakeClock()
    header = sign(SECRET, PAYLOAD, clock.now())
    stamp = int(clock.now().timestamp())
    for secret, changed, payload in (
        (SECRET, header, PAYLOAD + b" "),
        (SECRET, header.replace(str(stamp), str(stamp + 1)), PAYLOAD),
        (b"other", header, PAYLOAD),
    ):
        with pytest.raises(SignatureInvalid):
            verify(secret, changed, payload, clock.now())


@pytest.mark.parametrize(
    "header", ["", "t=1", "v1=00", "t=1,v1=zz", f"t=x,v1={'0' * 64}", f"t=1,v1={'0' * 64}", "t=1 ,v1="]
)
def test_anything_else_is_no_signature(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        verify(SECRET, header, PAYLOAD, FakeClock().now())


@pytest.mark.parametrize("seconds", [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1])
def test_an_old_signature_has_expired_and_so_has_one_from_the_future(seconds: float) -> None:
    clock = FakeClock()
    header = sign(SECRET, PAYLOAD, clock.now())
    clock.advance(seconds)
    with pytest.raises(SignatureExpired):
        verify(SECRET, header, PAYLOAD, clock.now())


def test_the_edge_of_the_tolerance_is_inside() -> None:
    clock = FakeClock()
    header = sign(SECRET, PAYLOAD, clock.now())
    clock.advance(TOLERANCE_SECONDS)
    verify(SECRET, header, PAYLOAD, clock.now())
