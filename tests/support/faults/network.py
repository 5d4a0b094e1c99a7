"""Cuts between workloads: every packet between two sets of addresses is dropped in the cluster's network."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence

TABLE = "inet shop_faults"


@contextlib.contextmanager
def cut(left: Sequence[str], right: Sequence[str]) -> Iterator[None]:
    """No packet passes between ``left`` and ``right`` inside the block, those of open connections neither.

    Runs in the network namespace of the cluster, where pods' packets are forwarded after their Service's address
    became a pod's. Connections are not reset: both ends wait, as for a peer behind a broken switch.
    """
    here, there = (f"{{ {', '.join(addresses)} }}" for addresses in (left, right))
    rules = f"""
        table {TABLE} {{
            chain cut {{
                type filter hook forward priority -300; policy accept;
                ip saddr {here} ip daddr {there} drop
                ip saddr {there} ip daddr {here} drop
            }}
        }}
    """
    heal()
    try:
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
        yield
    finally:
        heal()


def heal() -> None:
    """Removes the cut, if there is one."""
    # `add` makes the table when it is absent, so that `delete` never fails for that.
    subprocess.run(["nft", "-f", "-"], input=f"add table {TABLE}\ndelete table {TABLE}\n", text=True, check=True)
