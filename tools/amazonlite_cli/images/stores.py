"""Store servers from ordinary packages, for clusters that can pull no official image."""

from __future__ import annotations

import shutil
from pathlib import Path

from amazonlite_cli.command import output_of
from amazonlite_cli.images import layers, rootfs
from amazonlite_cli.images.layers import Layer
from amazonlite_cli.images.recipe import Base, Content, Recipe
from amazonlite_cli.paths import REPO

_STORES = REPO / "tools" / "stores"
# java.se and what Kafka and H2 use of the JDK's own modules
_JAVA_MODULES = (
    "java.se,jdk.unsupported,jdk.management,jdk.crypto.ec,jdk.zipfs,jdk.net,jdk.security.auth,jdk.naming.dns"
)
_MARIADB = ("mariadb-server-core", "mariadb-client-core")
_REDIS = ("redis-server",)


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    output_of([str(word) for word in command], cwd=cwd)


def _jre() -> Layer:
    """A Java runtime cut from this machine's JDK, with class data prepared so that servers start sooner."""
    key = layers.key_of("jre", _JAVA_MODULES)
    if found := layers.cached(key):
        return found
    compiler = shutil.which("javac")
    if compiler is None:
        raise FileNotFoundError("javac: a JDK of version 17 or later must be on the path")
    target = layers.fresh_directory("jre") / "java"
    jlink = Path(compiler).resolve().parent / "jlink"
    _run(
        jlink,
        "--add-modules",
        _JAVA_MODULES,
        "--strip-java-debug-attributes",
        "--no-header-files",
        "--no-man-pages",
        "--output",
        target,
    )
    _run(target / "bin" / "java", "-Xshare:dump")
    return layers.of_tree(key, target, "/opt/java")


def _jars(store: str) -> Content:
    pom = _STORES / store / "pom.xml"

    def prepare() -> Path:
        target = layers.fresh_directory(f"{store}-jars")
        _run(
            "mvn",
            "-q",
            "-B",
            "-f",
            pom,
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={target}",
        )
        return target

    return Content(layers.digest_of_files([pom]), prepare)


def _mongo_classes(jars: Content) -> Content:
    source = _STORES / "mongodb" / "src"

    def prepare() -> Path:
        target = layers.fresh_directory("mongodb-classes")
        _run("javac", "-cp", f"{jars.prepare()}/*", "-d", target, source / "MongoLite.java")
        return target

    return Content(layers.digest_of_files([source]) + jars.key, prepare)


def _files(store: str, *names: str) -> Content:
    paths = [_STORES / store / name for name in names]

    def prepare() -> Path:
        target = layers.fresh_directory(f"{store}-files")
        for path in paths:
            shutil.copy(path, target / path.name)
        return target

    return Content(layers.digest_of_files(paths), prepare)


def _debian(names: tuple[str, ...]) -> tuple[Base, ...]:
    return Base(rootfs.base_key(), rootfs.base), Base(rootfs.packages_key(*names), lambda: rootfs.packages(*names))


def recipes() -> list[Recipe]:
    """One a store, named as its Service."""
    java = (Base(rootfs.base_key(), rootfs.base), Base(layers.key_of("jre", _JAVA_MODULES), _jre))
    mongo_jars = _jars("mongodb")
    kafka_files = _files("kafka", "run.sh", "server.properties", "log4j2.properties")
    return [
        Recipe("mysql", _STORES / "mariadb" / "Dockerfile", _debian(_MARIADB), {"files": _files("mariadb", "run.sh")}),
        Recipe("redis", _STORES / "redis" / "Dockerfile", _debian(_REDIS)),
        Recipe("kafka", _STORES / "kafka" / "Dockerfile", java, {"lib": _jars("kafka"), "files": kafka_files}),
        Recipe(
            "mongodb",
            _STORES / "mongodb" / "Dockerfile",
            java,
            {"lib": mongo_jars, "classes": _mongo_classes(mongo_jars)},
        ),
    ]
