"""A consumer in a process of its own, to be killed or paused: `python -m support.consumer_process` is that process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from amazonlite.common.core.event import Event
from amazonlite.common.core.settings import KafkaSettings, MysqlSettings
from amazonlite.common.data.engine import create_engine
from amazonlite.common.data.unit_of_work import UnitOfWork
from amazonlite.common.events.handlers import Grouped
from support.consumers import ConsumerBench
from support.shipped import optimization

START_SECONDS = 20.0


class ConsumerProcess:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def consume(self, bench: ConsumerBench, mysql: MysqlSettings, *, instance: str, hold: bool = False) -> None:
        """With `hold`, it says `holding` in each group's transaction and goes on when told."""
        about = {
            "mysql": mysql.model_dump(),
            "kafka": bench.kafka.model_dump(include={"bootstrap", "user", "password"}),
            "topic": bench.topic,
            "group": bench.group,
            "instance": instance,
            "hold": hold,
        }
        self.tell(json.dumps(about))

    def tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())

    async def says(self, line: str) -> None:
        assert self._process.stdout
        async with asyncio.timeout(START_SECONDS):
            while (found := await self._process.stdout.readline()) != f"{line}\n".encode():
                assert found, "the process has ended"

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def consumer_process() -> AsyncIterator[ConsumerProcess]:
    """Started, and told nothing yet."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "support.consumer_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **optimization(), "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    started = ConsumerProcess(process)
    try:
        await started.says("ready")
        yield started
    finally:
        await started.kill()


async def _heard() -> str:
    return await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _main() -> None:
    _say("ready")
    told = json.loads(await _heard())
    engine = create_engine(MysqlSettings(**told["mysql"]))
    bench = ConsumerBench(engine, KafkaSettings(**told["kafka"]), told["topic"], told["group"])

    async def take(uow: UnitOfWork, events: Sequence[Event]) -> None:
        await bench.group_effect(uow, events)
        if told["hold"]:
            _say("holding")
            await _heard()

    await bench.consumer(Grouped(take), instance=told["instance"]).run()


if __name__ == "__main__":
    asyncio.run(_main())
