"""Spring Cloud Gateway, compiled here against the released artifacts that the pom names."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from pathlib import Path

from amazonlite_cli.paths import HOME

_HERE = Path(__file__).parent
_POM, _SOURCE = _HERE / "pom.xml", _HERE / "SpringGateway.java"


async def command() -> list[str]:
    """Runs it, at SERVER_PORT before BACKEND, with limits in Redis at REDIS_PORT and tokens of TOKEN_KEY.

    Its jars (54 MB) are fetched once, into AMAZONLITE_HOME; they are no part of the project.
    """
    built = await _built()
    options = ["--spring.main.banner-mode=off", "--logging.level.root=warn", "--spring.data.redis.port=${REDIS_PORT}"]
    return ["java", "-cp", f"{built / 'classes'}:{built / 'jars'}/*", "amazonlite.bench.SpringGateway", *options]


async def _built() -> Path:
    digest = hashlib.sha256(_POM.read_bytes() + _SOURCE.read_bytes()).hexdigest()[:16]
    built, making = HOME / "bench" / f"spring-gateway-{digest}", HOME / "bench" / f"making-{os.getpid()}"
    if built.exists():
        return built
    shutil.rmtree(making, ignore_errors=True)
    (making / "classes").mkdir(parents=True)
    jars = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={making / 'jars'}"]
    await _run("mvn", "-q", "-B", "-f", str(_POM), *jars)
    await _run(
        *("javac", "-nowarn", "-parameters", "-cp", f"{making / 'jars'}/*"),
        *("-d", str(making / "classes"), str(_SOURCE)),
    )
    making.rename(built)
    return built


async def _run(*arguments: str) -> None:
    child = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await child.communicate()
    if child.returncode:
        raise RuntimeError(f"{arguments[0]} failed; a JDK 17 or later and Maven are needed:\n{output.decode()[-2000:]}")
