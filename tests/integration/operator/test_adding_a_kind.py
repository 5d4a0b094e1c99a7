"""docs/adding-a-kind.md as written: its kind is added to a copy of the operator and reconciled to its end."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
import yaml
from kubernetes import client

from amazonlite_operator.kind.evidence import digest
from support.argo_cd import health
from support.definitions import install
from support.operator_replica import until
from support.sales_api import SalesApi, valid_spec

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/adding-a-kind.md"
CRD = "configcopies.amazonlite.dev"
_BLOCK = re.compile(r"^```\w+ (?P<path>\S+)(?P<more> \+)?\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    path: str
    adds: bool
    text: str


def blocks() -> list[Block]:
    return [Block(m["path"], bool(m["more"]), m["text"]) for m in _BLOCK.finditer(PAGE.read_text())]


class Checkout:
    """A copy of what the page changes, with the page's blocks in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        ignored = shutil.ignore_patterns("__pycache__")
        for folder in ("operator", "charts/platform/templates"):
            shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
        for file in ("docs/operator.md", "pyproject.toml"):
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, root / file)
        for block in blocks():
            self._write(block)
        self.environment = {"PYTHONPATH": f"{root / 'operator'}:{ROOT / 'services'}", "PYTHONDONTWRITEBYTECODE": "1"}

    def _write(self, block: Block) -> None:
        path = self.root / block.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not block.adds:
            path.write_text(block.text)
            return
        imported, listed = block.text.splitlines(keepends=True)
        text = path.read_text().replace("# A kind a line.\n", f"{imported}# A kind a line.\n")
        path.write_text(re.sub(r"(KINDS: [^\n]*\n)", rf"\1{listed}", text))

    def run(self, *command: str) -> None:
        subprocess.run([sys.executable, *command], cwd=self.root, env=self.environment, check=True, timeout=120)

    def name_in_layers(self) -> None:
        """As the page says of pyproject.toml."""
        path = self.root / "pyproject.toml"
        path.write_text(path.read_text().replace('"kinds", "flash_sale",', '"kinds", "config_copy | flash_sale",'))

    def layers_are_kept(self) -> bool:
        command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
        environment = {**os.environ, **self.environment}
        ended = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert "Contracts: " in ended.stdout, ended.stdout + ended.stderr
        return ended.returncode == 0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    made = Checkout(tmp_path_factory.mktemp("checkout"))
    made.run("-m", "amazonlite_operator.generate")
    return made


@pytest.fixture
def definitions(api: client.ApiClient) -> Iterator[client.ApiextensionsV1Api]:
    made = client.ApiextensionsV1Api(api)
    _uninstall(made)
    yield made
    _uninstall(made)


def _uninstall(definitions: client.ApiextensionsV1Api) -> None:
    try:
        definitions.delete_custom_resource_definition(CRD)
    except client.ApiException as error:
        if error.status != 404:
            raise


class Copies:
    """The small kind's objects in a namespace."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._objects = client.CustomObjectsApi(api)
        self._place = ("amazonlite.dev", "v1alpha1", namespace, "configcopies")

    def create(self, body: dict[str, Any]) -> None:
        self._objects.create_namespaced_custom_object(*self._place, body)

    def get(self, name: str) -> dict[str, Any]:
        return cast(dict[str, Any], self._objects.get_namespaced_custom_object(*self._place, name))

    def reason(self, name: str, kind: str) -> str:
        """Of a condition that is True; empty otherwise."""
        conditions = self.get(name).get("status", {}).get("conditions", [])
        return next((c["reason"] for c in conditions if (c["type"], c["status"]) == (kind, "True")), "")


def test_the_small_kind_is_small() -> None:
    assert sum(block.text.count("\n") for block in blocks()) < 150


def test_its_files_are_generated(checkout: Checkout) -> None:
    generated = ("crds/configcopy.yaml", "charts/platform/crds/configcopy.yaml", "gitops/health/configcopy.lua")
    assert [file for file in generated if not (checkout.root / file).exists()] == []
    role = (checkout.root / "charts/platform/templates/operator.yaml").read_text()
    assert "resources: [configcopies], verbs: [get, list, watch, patch]" in role
    assert "resources: [configmaps], verbs: [get, list, watch, create, patch, delete]" in role
    checkout.run("-m", "amazonlite_operator.generate", "--check")


def test_the_layers_of_the_operator_need_its_name(checkout: Checkout) -> None:
    assert not checkout.layers_are_kept()
    checkout.name_in_layers()
    assert checkout.layers_are_kept()


async def test_it_is_reconciled_to_its_end_once_its_crd_is_there(
    api: client.ApiClient,
    namespace: str,
    sales: SalesApi,
    start: Callable[..., Any],
    checkout: Checkout,
    definitions: client.ApiextensionsV1Api,
) -> None:
    replica = await start("operator-a", checkout.environment)
    await replica.until_ready()
    sale = sales.create(valid_spec())
    await until(lambda: (sales.get(sale) or {}).get("status", {}).get("allocated"), "a sale while a CRD is missing")

    await asyncio.to_thread(install, definitions, checkout.root / "crds/configcopy.yaml")
    sample = yaml.safe_load((checkout.root / "crds/samples/configcopy.yaml").read_text())
    name, copies = sample["metadata"]["name"], Copies(api, namespace)
    await asyncio.to_thread(copies.create, sample)
    await until(lambda: copies.reason(name, "Stalled") == "SourceNotFound", "stalled without a source")

    core = client.CoreV1Api(api)
    metadata = client.V1ObjectMeta(name=sample["spec"]["source"])
    await asyncio.to_thread(
        core.create_namespaced_config_map, namespace, client.V1ConfigMap(metadata=metadata, data={"a": "1"})
    )
    await until(lambda: copies.reason(name, "Ready") == "Copied", "copied")
    await until(lambda: "finalizers" not in copies.get(name)["metadata"], "the finalizer is gone")

    resource = copies.get(name)
    status = resource["status"]
    assert [entry["phase"] for entry in status["timeline"]] == ["Pending", "Succeeded"]
    assert copies.reason(name, "Copied") == "Copied"
    copy: Any = core.read_namespaced_config_map(f"copy-{resource['metadata']['uid']}", namespace)
    assert copy.data == {"a": "1"}
    evidence: Any = core.read_namespaced_config_map(status["evidence"]["configMap"], namespace)
    assert digest(evidence.data) == status["evidence"]["sha256"]
    healthy, message = health(resource, checkout.root / "gitops/health")
    assert (healthy, message.split(":")[0]) == ("Healthy", "Copied")
    assert 'operator_phase_changes_total{kind="ConfigCopy",phase="Succeeded",reason="Copied"} 1.0' in (
        await replica.exported()
    )
