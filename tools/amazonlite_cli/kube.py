"""The cluster as the command line sees it: custom resources and Secrets of the shop's namespace."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any, cast

from kubernetes import client, config

from amazonlite_cli.errors import CommandError
from amazonlite_cli.paths import KUBECONFIG, NAMESPACE

GROUP, VERSION = "amazonlite.dev", "v1alpha1"
CHOSEN = "AMAZONLITE_KUBECONFIG"


def connect() -> client.ApiClient:
    """An API client for the checkout's own cluster, or for the one that was chosen in so many words.

    $KUBECONFIG is left to kubectl: what it happens to name is not what a demonstration deletes and creates things in.
    """
    path = os.environ.get(CHOSEN) or str(KUBECONFIG)
    if not Path(path).exists():
        raise CommandError("no_cluster", f"there is no {path}", "everything", "run `amazonlite up`")
    return cast(client.ApiClient, config.new_client_from_config(config_file=path))  # type: ignore[no-untyped-call]


def read_secret(api: client.ApiClient, name: str) -> dict[str, str]:
    """A Secret's decoded values."""
    secret = client.CoreV1Api(api).read_namespaced_secret(name, NAMESPACE)
    return {key: base64.b64decode(value).decode() for key, value in (secret.data or {}).items()}


class Resources:
    """Custom resources of one kind, by name. Objects are plain dictionaries as the API server gives them."""

    def __init__(self, api: client.ApiClient, plural: str) -> None:
        self._api = client.CustomObjectsApi(api)
        self._where = (GROUP, VERSION, NAMESPACE, plural)

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Raises ``ApiException`` (422) with the API server's words when the spec is refused."""
        return cast(dict[str, Any], self._api.create_namespaced_custom_object(*self._where, body))

    def get(self, name: str) -> dict[str, Any] | None:
        """The object, or None when there is none of that name."""
        try:
            return cast(dict[str, Any], self._api.get_namespaced_custom_object(*self._where, name))
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise

    def patch(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """A merge patch."""
        return cast(dict[str, Any], self._api.patch_namespaced_custom_object(*self._where, name, body))

    def delete(self, name: str) -> None:
        """Asks for deletion; absent is fine. The finalizer may still hold the object for a while."""
        try:
            self._api.delete_namespaced_custom_object(*self._where, name)
        except client.ApiException as error:
            if error.status != 404:
                raise
