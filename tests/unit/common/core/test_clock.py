from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from amazonlite.common.core.clock import SystemClock, iso, parse_iso


def test_times_are_written_in_utc_with_z() -> None:
    berlin = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=1)))
    assert iso(berlin) == "2026-01-01T11:00:00Z"
    assert parse_iso(iso(berlin)) == berlin


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="no offset"):
        parse_iso("2026-01-01T11:00:00")


def test_the_system_clock_tells_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
