"""Run as a Job: synthetic customers go through a rehearsal sale; the summary is the pod's last word."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from amazonlite_operator.shop.synthetic import Crowd, send_customers

TERMINATION_LOG = Path("/dev/termination-log")


def main() -> None:
    crowd = Crowd(
        sale_id=os.environ["SALE_ID"],
        customers=int(os.environ["CUSTOMERS"]),
        rate_per_second=float(os.environ["RATE_PER_SECOND"]),
        seconds=float(os.environ["SECONDS"]),
        gateway_url=os.environ["GATEWAY_URL"],
        auth_url=os.environ["AUTH_URL"],
    )
    tally = asyncio.run(send_customers(crowd, os.environ["AUTH_CLIENT_ID"], os.environ["AUTH_CLIENT_SECRET"]))
    summary = json.dumps(tally.summary())
    print(summary)
    if TERMINATION_LOG.exists():
        TERMINATION_LOG.write_text(summary)
    sys.exit(0 if tally.admitted else 1)


if __name__ == "__main__":
    main()
