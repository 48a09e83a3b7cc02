"""A simulation into a run: one part is a chunk of at most 4,096 objects of one population."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from brokerbench.store import Folder
from simulate.settings import CadenceChoice, Population, Simulation, Survey

__all__ = ["CadenceChoice", "Population", "Simulation", "Survey", "generate"]


def generate(
    simulation: Simulation,
    path: str | Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Folder:
    """The run at `path`, written part by part (docs/runs.md); its bytes do not depend on `workers`.

    progress: called with (parts done, parts in all).
    """
    raise NotImplementedError
