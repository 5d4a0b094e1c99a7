"""What holds of every service, also of one that comes tomorrow."""

from __future__ import annotations

from pathlib import Path

import pytest

import amazonlite
from amazonlite_cli.deploy.services import SERVICES

LONGEST_APP = 40
APPS = {path.parent.name: path for path in Path(amazonlite.__path__[0]).glob("*/app.py")}


def test_the_chart_names_every_service_that_there_is() -> None:
    assert APPS.keys() == SERVICES.keys() - {"operator"}


@pytest.mark.parametrize("service", sorted(APPS))
def test_an_app_is_wiring_of_its_own_matters_only(service: str) -> None:
    """Whatever a second service would write again belongs in common/service."""
    assert len(APPS[service].read_text().splitlines()) <= LONGEST_APP
