"""Keeps out of memory what libraries load and no service uses."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_ENGINES = "sqlalchemy.ext.asyncio"


def leave_out_the_orm() -> None:
    """`sqlalchemy.ext.asyncio`, once it is imported, loads its engines only: the sessions bring the whole ORM along,
    43 modules and 6 MiB. Whoever asks the package for anything else gets all of it, as without this.
    """
    sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        whole = PathFinder.find_spec(name, path) if name == _ENGINES else None
        if whole is None or whole.loader is None:
            return None
        spec = ModuleSpec(name, _EnginesFirst(whole.loader), origin=whole.origin, is_package=True)
        spec.submodule_search_locations = whole.submodule_search_locations
        return spec


class _EnginesFirst(Loader):
    def __init__(self, whole: Loader) -> None:
        self._whole = whole

    def exec_module(self, module: ModuleType) -> None:
        engine = import_module(f"{_ENGINES}.engine")
        for name in ("AsyncConnection", "AsyncEngine", "AsyncTransaction", "create_async_engine"):
            setattr(module, name, getattr(engine, name))

        def the_rest(name: str) -> Any:
            if name.startswith("_") or "__getattr__" not in vars(module):
                raise AttributeError(name)
            del vars(module)["__getattr__"]
            self._whole.exec_module(module)
            return getattr(module, name)

        vars(module)["__getattr__"] = the_rest
