"""docs/adding-a-service.md works as it is written: its blocks are a service that takes an event once, come what may."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
import yaml
from kafka import KafkaProducer

from amazonlite.common.core.clock import SystemClock
from amazonlite.common.core.event import Event, new_event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.settings import MysqlSettings
from amazonlite.common.events.envelope import encode
from amazonlite.common.testing import stores
from amazonlite.common.testing.builders import as_shopper
from amazonlite.common.testing.eventually import eventually
from amazonlite.common.testing.stores import independent_client
from amazonlite_cli.deploy.services import SERVICES
from amazonlite_cli.paths import REPO
from support.auth_stub import auth_stub
from support.ports import free_port
from support.shipped import optimization

pytestmark = pytest.mark.stores

DOCUMENT = (REPO / "docs" / "adding-a-service.md").read_text()
BLOCK = re.compile(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = dict(BLOCK.findall(DOCUMENT))
FOLDER = "services/amazonlite/loyalty/"
TOPICS = "services/amazonlite/common/events/topics.py"
VALUES = "charts/platform/values.yaml"
MOST_LINES = 100
CUSTOMER = "usr_ada"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's code with the service of the document in it."""
    here = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("__pycache__")
    for part in ("services", "operator/amazonlite_operator", "tools/amazonlite_cli", "charts", "policies"):
        shutil.copytree(REPO / part, here / part, ignore=ignored)
    shutil.copy(REPO / "pyproject.toml", here)
    for path, text in BLOCKS.items():
        if path.startswith(FOLDER):
            (here / path).parent.mkdir(parents=True, exist_ok=True)
            (here / path).write_text(text)
    (here / FOLDER / "__init__.py").touch()
    insert(here / TOPICS, "READERS: Mapping[str, tuple[str, ...]] = {\n", BLOCKS[TOPICS])
    insert(here / VALUES, "\nservices:\n", BLOCKS[VALUES])
    return here


def insert(path: Path, after: str, text: str) -> None:
    before, found, rest = path.read_text().partition(after)
    assert found, f"{path} has no {after!r}"
    path.write_text(before + after + text + rest)


def environment(checkout: Path) -> dict[str, str]:
    roots = [str(checkout / root) for root in ("services", "operator", "tools")] + [str(REPO / "tests")]
    return {**os.environ, **optimization(), "PYTHONPATH": os.pathsep.join(roots)}


def python(checkout: Path, *arguments: str, **more: str) -> str:
    command, variables = [sys.executable, *arguments], {**environment(checkout), **more}
    found = subprocess.run(command, env=variables, cwd=checkout, text=True, capture_output=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_the_service_is_small_and_wholly_in_the_document() -> None:
    files = {path: text for path, text in BLOCKS.items() if path.startswith(FOLDER)}
    assert len(files) == 7
    lines = [line for text in files.values() for line in text.splitlines() if line.strip()]
    assert len(lines) < MOST_LINES
    assert yaml.safe_load(BLOCKS[VALUES])["loyalty"].keys() <= {key for one in SERVICES.values() for key in one}


def test_layers_style_and_rights_take_it_in_by_themselves(checkout: Path) -> None:
    python(checkout, "-m", "ruff", "check", "-q", FOLDER)
    python(checkout, "-m", "ruff", "format", "--check", "-q", FOLDER)
    linter = Path(sys.executable).with_name("lint-imports")
    python(checkout, str(linter), "--no-cache")
    (checkout / FOLDER / "peek.py").write_text("from amazonlite.order import domain\n")
    peeking = subprocess.run(
        [sys.executable, linter, "--no-cache"],
        env=environment(checkout),
        cwd=checkout,
        capture_output=True,
        check=False,
    )
    (checkout / FOLDER / "peek.py").unlink()
    assert peeking.returncode == 1
    granted = (
        "from amazonlite.common.events.access import grants; print(sorted(g[2] for g in grants() if g[0] == 'loyalty'))"
    )
    assert python(checkout, "-c", granted).strip() == "['loyalty', 'order.completed.v1', 'order.completed.v1.dlq.v1']"
    made = (
        "from amazonlite_cli.deploy.secrets import missing; print([n for n in missing({}) if n.endswith('-loyalty')])"
    )
    assert python(checkout, "-c", made).strip() == "['mysql-loyalty', 'kafka-loyalty']"


@pytest.fixture
async def auth_url() -> AsyncIterator[str]:
    async with auth_stub() as url:
        yield url


@pytest.fixture
def database() -> Iterator[MysqlSettings]:
    mysql = stores.create_empty_database("loyalty")
    yield mysql
    stores.drop_database(mysql)


@pytest.fixture
def topic(checkout: Path) -> Iterator[str]:
    """The service reads a topic of this test's own, which nobody else of this machine reads or fills."""
    handlers = checkout / FOLDER / "consumers.py"
    with stores.kafka_topics("order.completed") as (name,):
        handlers.write_text(BLOCKS[FOLDER + "consumers.py"].replace("order.completed.v1", name))
        yield name


class Loyalty:
    """The service, to be started as a process once or again."""

    def __init__(self, checkout: Path, variables: Mapping[str, str], log: Path) -> None:
        self.port = free_port()
        self._checkout, self._log = checkout, log
        self._variables = {**environment(checkout), **variables, "PORT": str(self.port)}

    @contextmanager
    def running(self, *module: str) -> Iterator[subprocess.Popen[bytes]]:
        with self._log.open("ab") as output:
            command = [sys.executable, "-m", *(module or ["amazonlite.loyalty"])]
            process = subprocess.Popen(command, env=self._variables, cwd=self._checkout, stdout=output, stderr=output)
            try:
                yield process
            finally:
                process.kill()
                process.wait(10)

    async def points(self) -> int | None:
        """None while the service does not answer."""
        url = f"http://127.0.0.1:{self.port}/api/loyalty/points"
        try:
            async with aiohttp.ClientSession() as session, session.get(url, headers=as_shopper(CUSTOMER)) as answer:
                return int((await answer.json())["points"]) if answer.status == 200 else None
        except aiohttp.ClientError:
            return None


@pytest.fixture
def loyalty(checkout: Path, database: MysqlSettings, topic: str, auth_url: str, tmp_path: Path) -> Loyalty:
    kafka = stores.kafka_settings()
    variables = {f"MYSQL_{name.upper()}": str(value) for name, value in database.model_dump().items()}
    variables |= {"KAFKA_BOOTSTRAP": kafka.bootstrap, "KAFKA_USER": kafka.user, "KAFKA_PASSWORD": kafka.password}
    variables |= {"AUTH_URL": auth_url, "POD_NAME": f"loyalty-{stores.suffix()}"}
    python(checkout, "-m", "amazonlite.common.data.migrate", "loyalty", **variables)
    return Loyalty(checkout, variables, tmp_path / "loyalty.log")


@pytest.fixture
def send(topic: str) -> Callable[[Event], None]:
    def deliver(event: Event) -> None:
        producer = KafkaProducer(**independent_client(stores.kafka_settings()))
        producer.send(topic, encode(event), event.subject.encode())
        producer.flush()
        producer.close()

    return deliver


def completed(order: str, amount: int) -> Event:
    data = {"orderId": order, "customerId": CUSTOMER, "total": {"amount": amount, "currency": "USD"}}
    return new_event("order.completed.v1", order, data, source="/order", clock=SystemClock(), ids=new_id)


async def test_an_event_that_is_delivered_twice_counts_once(loyalty: Loyalty, send: Callable[[Event], None]) -> None:
    first = completed("ord_1", 1250)
    send(first)
    send(first)
    send(completed("ord_1", 700))  # of the same key, so that it is taken after the repeated one

    async def all_taken() -> bool:
        return await loyalty.points() == 19

    with loyalty.running():
        await eventually(all_taken, within=60)


async def test_an_event_whose_effect_was_committed_when_the_process_died_counts_once(
    loyalty: Loyalty, database: MysqlSettings, send: Callable[[Event], None]
) -> None:
    send(completed("ord_1", 1250))
    with loyalty.running("support.killed_before_settling", "amazonlite.loyalty") as victim:
        assert await asyncio.to_thread(victim.wait, 60) == -signal.SIGKILL
    with stores.root_cursor(database.database) as cursor:
        cursor.execute("SELECT points FROM points")
        assert cursor.fetchall() == ((12,),)  # it had its effect, and Kafka does not know
    send(completed("ord_2", 100))

    async def both_taken() -> bool:
        return await loyalty.points() == 13

    with loyalty.running():
        await eventually(both_taken, within=60)
    with stores.root_cursor(database.database) as cursor:
        cursor.execute("SELECT COUNT(*) FROM inbox")
        assert cursor.fetchall() == ((2,),)
