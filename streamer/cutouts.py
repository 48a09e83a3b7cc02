"""Stamps of alerts from a Python file that a challenge's author wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from brokerbench.errors import BrokerbenchError, ConfigError, InputError
from brokerbench.registry import load_file
from brokerbench.store import Folder
from brokerbench.tables import Alerts
from streamer.packets import Packets

__all__ = ["CutoutFile"]


@dataclass(frozen=True)
class CutoutFile:
    """The function that a Python file binds to CUTOUTS: given a run, the name of a part and its n alerts, by
    Science, Template, Difference n byte strings, empty for none.

    Loaded in every worker process. InputError for a file that is not there or fails, ConfigError for one that
    binds no function.
    """

    path: str
    run: Path

    def __post_init__(self) -> None:
        _loaded(self.path)

    def __call__(self, part: str, alerts: Alerts) -> Mapping[str, Packets]:
        """The stamps of a part. InputError where the function fails or returns something else."""
        try:
            made = _loaded(self.path)(Folder(self.run), part, alerts)
            return {name: Packets.of(list(stamps)) for name, stamps in made.items()}
        except BrokerbenchError:
            raise
        except Exception as error:  # whatever the author's function raises
            raise InputError(
                f"{self.path}: part {part}: expected stamps by name, got {type(error).__name__}: {error}"
            ) from error


@lru_cache(maxsize=8)
def _loaded(path: str) -> Any:
    function = load_file(path, "CUTOUTS")
    if not callable(function):
        raise ConfigError(f"{path}: expected CUTOUTS to be a function, got {type(function).__name__}")
    return function
