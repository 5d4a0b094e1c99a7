"""Ports for servers that tests start.

A port that the kernel chose and that was closed again may go to an outgoing connection before the server binds it: with
tests side by side that was seen. These are below the kernel's range for connections and below Kubernetes' node ports.
"""

from __future__ import annotations

import random
import socket

PORTS = range(20_000, 30_000)


def free_port() -> int:
    """One that nobody listens on; drawn at random, so that processes that ask at once hardly ever get the same."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
