"""``t=<unix seconds>,v1=<hex>``: HMAC-SHA256 over ``<t>.`` and the raw body, so that neither can be changed alone."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime

from amazonlite.payment.errors import SignatureExpired, SignatureInvalid

TOLERANCE_SECONDS = 300
HEADER = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})", re.ASCII)


def sign(secret: bytes, payload: bytes, now: datetime) -> str:
    stamp = str(int(now.timestamp()))
    return f"t={stamp},v1={_digest(secret, stamp, payload)}"


def verify(secret: bytes, header: str, payload: bytes, now: datetime) -> None:
    """Raises SignatureInvalid or SignatureExpired. The age is looked at only once the signature is proved."""
    found = HEADER.fullmatch(header)
    if found is None or not hmac.compare_digest(found[2], _digest(secret, found[1], payload)):
        raise SignatureInvalid("The signature does not fit the payload.")
    if abs(now.timestamp() - int(found[1])) > TOLERANCE_SECONDS:
        raise SignatureExpired(f"Signed more than {TOLERANCE_SECONDS} seconds away from now.")


def _digest(secret: bytes, stamp: str, payload: bytes) -> str:
    return hmac.new(secret, stamp.encode() + b"." + payload, hashlib.sha256).hexdigest()
