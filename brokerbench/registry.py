"""A folder is a registry: the file name is the entry's name, read only when asked for."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from brokerbench.errors import ConfigError, InputError, UnknownName, did_you_mean

__all__ = ["Registry", "load_file"]


class Registry(Mapping[str, Any]):
    """The entries of one package: a module each, which binds `attribute`.

    package: dotted name of the folder. attribute: the module-level name that every entry binds.
    needs: names that the bound object must have. A module whose name begins with an underscore,
    or is listed in `skip`, is no entry.
    """

    def __init__(
        self,
        package: str,
        attribute: str,
        *,
        needs: tuple[str, ...] = (),
        skip: tuple[str, ...] = (),
    ) -> None:
        self.package, self.attribute = package, attribute
        self._needs, self._skip = needs, skip

    def __iter__(self) -> Iterator[str]:
        path = importlib.import_module(self.package).__path__
        names = (m.name for m in pkgutil.iter_modules(path))
        return iter(sorted(n for n in names if not n.startswith("_") and n not in self._skip))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in set(iter(self))

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise UnknownName(
                f"{self.package}: expected the name of a {self.attribute.lower()}, got {name!r}; "
                f"{did_you_mean(name, self)}"
            )
        module = importlib.import_module(f"{self.package}.{name}")
        return _bound(module, self.attribute, self._needs, f"{self.package}.{name}")


def load_file(path: str | Path, attribute: str, *, needs: tuple[str, ...] = ()) -> Any:
    """The object that the Python file at `path` binds to `attribute`. Runs that file.

    Raises InputError where there is no such file or it fails, ConfigError where it binds the
    wrong thing.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file}: expected a Python file, got nothing there; check the path")
    name = f"brokerbench_file_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InputError(f"{file}: expected a Python file, got {file.suffix or 'no suffix'!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(
            f"{file}: expected a file that imports, got {type(error).__name__}: {error}"
        ) from error
    return _bound(module, attribute, needs, str(file))


def _bound(module: ModuleType, attribute: str, needs: tuple[str, ...], where: str) -> Any:
    if not hasattr(module, attribute):
        raise ConfigError(f"{where}: expected a module that binds {attribute}, got none")
    entry = getattr(module, attribute)
    missing = [need for need in needs if not hasattr(entry, need)]
    if missing:
        raise ConfigError(
            f"{where}: expected {attribute} with {', '.join(needs)}, got no {', '.join(missing)}"
        )
    return entry
