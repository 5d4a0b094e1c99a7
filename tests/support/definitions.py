"""Custom resource definitions on the API server that KUBECONFIG names."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client


def install(extensions: client.ApiextensionsV1Api, file: Path) -> None:
    """Creates or replaces a custom resource definition; returns once it is in force."""
    crd = yaml.safe_load(file.read_text())
    name = crd["metadata"]["name"]
    try:
        extensions.create_custom_resource_definition(crd)
    except client.ApiException as error:
        if error.status != 409:
            raise
        current: Any = extensions.read_custom_resource_definition(name)
        crd["metadata"]["resourceVersion"] = current.metadata.resource_version
        extensions.replace_custom_resource_definition(name, crd)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found: Any = extensions.read_custom_resource_definition(name)
        if any(c.type == "Established" and c.status == "True" for c in found.status.conditions or ()):
            return
        time.sleep(0.1)
    pytest.fail("the CRD was not established in 30 s")
