from __future__ import annotations

import hashlib

import pytest

from amazonlite_cli.errors import CommandError
from amazonlite_cli.report import verified

DATA = {"evidence.json": "{}", "evidence.md": "# Settled"}
DIGEST = hashlib.sha256(b"{}# Settled").hexdigest()


def test_evidence_with_the_digest_of_the_status_is_shown() -> None:
    assert verified(DATA, DIGEST) == "# Settled"


@pytest.mark.parametrize("altered", [{**DATA, "evidence.md": "# Sold out"}, {**DATA, "evidence.json": "[]"}, {}])
def test_altered_evidence_is_not(altered: dict[str, str]) -> None:
    with pytest.raises(CommandError, match="digest"):
        verified(altered, DIGEST)
