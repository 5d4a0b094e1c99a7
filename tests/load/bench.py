"""Runs the benchmarks, prints their table and writes ``.local/bench.json``.

    PYTHONPATH=tests python -m load.bench [ONLY]

Each job measures both sides in the same run; a row is ``{job, unit, ours, other, otherName, ratio, wanted, holds}``,
``wanted`` null where nothing is promised. ``ONLY`` runs the jobs whose name contains it. What runs in this process runs
on the services' event loop. A benchmark is no test: the exit status is 0 whenever everything asked for was measured.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

from load import (
    bench_claims,
    bench_claims_db,
    bench_confirm,
    bench_delivery,
    bench_gateway,
    bench_memory,
    bench_relay,
)

Job = Callable[[], Awaitable[list[dict[str, Any]]]]
JOBS: dict[str, Job] = {
    "claims": bench_claims.run,
    "claims-db": bench_claims_db.run,
    "confirm": bench_confirm.run,
    "gateway": bench_gateway.run,
    "relay": bench_relay.run,
    "delivery": bench_delivery.run,
    "memory": bench_memory.run,
}
RESULTS = Path(".local/bench.json")


def verdict(row: dict[str, Any]) -> str:
    """What the row says about its wanted ratio."""
    if row["wanted"] is None:
        return "-"
    return "[green]holds[/]" if row["holds"] else "[red]falls short[/]"


def table_of(rows: list[dict[str, Any]]) -> Table:
    """All rows as people read them."""
    table = Table(title="Benchmarks: both sides of a row measured in one run", title_justify="left")
    for column in ("job", "unit", "ours", "other", "other is", "ratio", "wanted", ""):
        table.add_column(column, justify="right" if column in {"ours", "other", "ratio", "wanted"} else "left")
    for row in rows:
        numbers = [f"{row[key]:,.2f}" if row[key] is not None else "-" for key in ("ours", "other", "ratio")]
        wanted = "-" if row["wanted"] is None else str(row["wanted"])
        ours, other, ratio = numbers
        table.add_row(row["job"], row["unit"], ours, other, row["otherName"], ratio, wanted, verdict(row))
    return table


def kept(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of this run, and the earlier ones of jobs that did not run this time."""
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    fresh = {row["job"] for row in rows}
    return [row for row in earlier if row["job"] not in fresh] + rows


async def run(only: str, console: Console) -> list[dict[str, Any]]:
    """The rows of every chosen job, one job at a time."""
    rows: list[dict[str, Any]] = []
    for name in (job for job in JOBS if only in job):
        console.print(f"measuring {name} …")
        rows += await JOBS[name]()
    return rows


def main() -> int:
    console = Console(width=150)
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    rows = uvloop.run(run(only, console))
    if not rows:
        console.print(f"no benchmark is called {only!r}; there are: {', '.join(JOBS)}")
        return 2
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(kept(rows), indent=1) + "\n")
    console.print(table_of(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
