"""What README.md and docs/operator.md tell people to type works as it is written, in the order in which they would."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from amazonlite_cli.kube import CHOSEN, Resources, connect
from amazonlite_cli.paths import REPO
from support.machine import on_the_machine

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# They build, replace or stop the cluster that this test runs on; `make test` begins with the first one.
OF_MAKE = ("make up", "make demo", "make test", "make down")
SALE = "my-sale"


def blocks(document: str) -> list[str]:
    return BLOCK.findall((REPO / document).read_text())


def runnable(block: str) -> str:
    return "".join(line for line in block.splitlines(keepends=True) if not line.startswith(OF_MAKE))


def typed(commands: str) -> subprocess.CompletedProcess[str]:
    """Run where a person would type: in the checkout, on the machine's own network, with a fresh environment."""
    environment = {name: os.environ[name] for name in ("HOME", "PATH", "AMAZONLITE_HOME") if name in os.environ}
    shell = on_the_machine("bash", "-euo", "pipefail", "-c", commands)
    return subprocess.run(shell, cwd=REPO, env=environment, text=True, capture_output=True, timeout=400, check=False)


@pytest.fixture
def no_sale() -> Iterator[None]:
    """The sale of the documents is nobody else's, and is gone afterwards."""
    sales = Resources(connect(), "flashsales")
    assert sales.get(SALE) is None, f"a FlashSale {SALE} is there already; it is yours, so this test will not touch it"
    yield
    sales.delete(SALE)


@pytest.mark.usefixtures("no_sale")
def test_every_block_of_commands_succeeds() -> None:
    assert CHOSEN in os.environ  # else the fixture would look at another cluster than the commands
    first, using, resources = blocks("README.md")
    assert all(line.startswith(OF_MAKE) for line in first.splitlines())
    settings = "".join(line for line in using.splitlines(keepends=True) if line.startswith("export "))
    for commands in [using, *(settings + block for block in blocks("docs/operator.md")), settings + resources]:
        done = typed(runnable(commands))
        assert done.returncode == 0, f"{commands}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
