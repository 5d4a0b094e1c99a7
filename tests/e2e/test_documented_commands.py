"""What README.md and pages under docs/ tell people to type works as it is written, in the order in which they would."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from amazonlite_cli.kube import CHOSEN, Resources, connect
from amazonlite_cli.paths import REPO
from support.machine import on_the_machine

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# They build, replace or stop the cluster that this test runs on; `make test` begins with the first one.
OF_MAKE = ("make up", "make demo", "make test", "make down")
SALE = "my-sale"
NAMESPACE = "shop"
# The charts of docs/installing.md are rendered, and not installed: the stores they want are another cluster's.
RENDERED = 'helm() { shift; command helm template "$@" >/dev/null; }\n'


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
    first, using, purchase, resources = blocks("README.md")
    assert all(line.startswith(OF_MAKE) for line in first.splitlines())
    succeed(using)
    for block in [*blocks("docs/operator.md"), purchase, resources]:
        succeed(settings() + block)


@pytest.fixture
def no_namespace() -> Iterator[None]:
    """The namespace of docs/installing.md is nobody else's, and is gone afterwards."""
    core = client.CoreV1Api(connect())
    names: Any = core.list_namespace()
    assert NAMESPACE not in {each.metadata.name for each in names.items}, f"a namespace {NAMESPACE} is there already"
    yield
    core.delete_namespace(NAMESPACE)


@pytest.mark.usefixtures("no_namespace")
def test_a_cluster_of_ones_own_gets_what_the_charts_expect() -> None:
    for block in blocks("docs/installing.md"):
        succeed(settings() + RENDERED + block)
    succeed(settings() + blocks("docs/installing.md")[1].replace("create namespace", "get namespace"))  # again
    secrets: Any = client.CoreV1Api(connect()).list_namespaced_secret(NAMESPACE)
    documented = (REPO / "docs" / "installing.md").read_text()
    assert [each.metadata.name for each in secrets.items if not told_of(each.metadata.name, documented)] == []


def told_of(secret: str, page: str) -> bool:
    """By its name, or as one of those that differ in the name of their service."""
    kind, _, _ = secret.partition("-")
    return any(f"`{name}`" in page for name in (secret, f"{kind}-SERVICE", f"{kind}-NAME"))


def settings() -> str:
    """What the README sets once for all commands after it."""
    using = blocks("README.md")[1]
    return "".join(line for line in using.splitlines(keepends=True) if line.startswith("export "))


def succeed(commands: str) -> None:
    done = typed(runnable(commands))
    assert done.returncode == 0, f"{commands}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
