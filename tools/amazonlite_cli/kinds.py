"""The custom kinds the cluster serves, by any of their names."""

from __future__ import annotations

from dataclasses import dataclass

from kubernetes import client

from amazonlite_cli.errors import CommandError
from amazonlite_cli.kube import GROUP, VERSION


class UnknownKind(CommandError):
    """The cluster serves no such kind; the message names those it serves."""

    def __init__(self, what: str) -> None:
        super().__init__("unknown_kind", what, "everything", "kubectl api-resources --categories amazonlite")


@dataclass(frozen=True, slots=True)
class ResourceKind:
    name: str
    plural: str
    names: frozenset[str]


def served_kinds(api: client.ApiClient) -> list[ResourceKind]:
    """The kinds of the shop's API group; none before their definitions are installed."""
    try:
        served = client.CustomObjectsApi(api).get_api_resources(GROUP, VERSION)
    except client.ApiException as error:
        if error.status == 404:
            return []
        raise
    return [_kind(resource) for resource in served.resources if "/" not in resource.name]


def find_kind(api: client.ApiClient, name: str) -> ResourceKind:
    """By kind, singular, plural or short name."""
    kinds = served_kinds(api)
    for kind in kinds:
        if name.lower() in kind.names:
            return kind
    raise UnknownKind(f"no kind {name!r}; there is {', '.join(kind.name for kind in kinds) or 'none yet'}")


def _kind(resource: client.V1APIResource) -> ResourceKind:
    names = [resource.kind, resource.name, resource.singular_name, *(resource.short_names or ())]
    return ResourceKind(resource.kind, resource.name, frozenset(name.lower() for name in names if name))
