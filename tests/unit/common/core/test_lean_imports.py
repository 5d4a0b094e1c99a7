"""What no service uses is not loaded, and whoever asks for it has it. Each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

SERVED = "from amazonlite.common.core.lean_imports import leave_out_the_orm; leave_out_the_orm(); import sys\n"
ORM = "print(any(name.startswith('sqlalchemy.orm') for name in sys.modules))"


def said(program: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("service", ["auth", "inventory", "order", "payment"])
def test_a_service_with_a_database_loads_no_orm(service: str) -> None:
    assert said(f"{SERVED}import amazonlite.{service}.app\n{ORM}") == ["False"]


def test_whoever_asks_for_a_session_gets_all_of_it_and_the_same_engine() -> None:
    program = (
        f"{SERVED}from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine\n{ORM}\n"
        "from sqlalchemy.ext import asyncio\n"
        "from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker\n"
        "engine = create_async_engine('mysql+asyncmy://nowhere')\n"
        f"print(asyncio.AsyncEngine is AsyncEngine is type(engine), AsyncSession(engine).bind is engine)\n{ORM}"
    )
    assert said(program) == ["False", "True", "True", "True"]


def test_what_the_package_does_not_have_is_missing_as_ever() -> None:
    program = (
        f"{SERVED}from sqlalchemy.ext import asyncio\n"
        "print(hasattr(asyncio, 'AsyncNothing'), hasattr(asyncio, '__nothing__'), hasattr(asyncio, 'AsyncResult'))"
    )
    assert said(program) == ["False", "False", "True"]
