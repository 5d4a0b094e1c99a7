"""What a rush has freed goes back to the system, although what lives on lies scattered among it."""

from __future__ import annotations

import json
import subprocess
import sys

RUSH = """
import asyncio, json
from amazonlite.common.observe import memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20

async def main():
    memory.bound_memory()
    memory.TRIM_SECONDS = 0.05
    requests = [bytearray(700) for _ in range(150_000)]
    full = resident()
    living = requests[::500]
    del requests[:]
    trimming = asyncio.create_task(memory.keep_trimming())
    for _ in range(200):
        await asyncio.sleep(0.05)
        if resident() < full - 60:
            break
    trimming.cancel()
    print(json.dumps([full, resident(), len(living)]))

asyncio.run(main())
"""


def test_freed_memory_goes_back_also_from_between_what_stays() -> None:
    done = subprocess.run([sys.executable, "-c", RUSH], check=True, capture_output=True, text=True, timeout=60)
    full, after, _ = json.loads(done.stdout)
    assert full > 100
    assert after < full - 60
