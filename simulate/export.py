"""Runs in other people's formats, part by part, so that memory does not grow with the run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.store import Folder
from simulate.object_parts import ObjectPart, object_parts
from simulate.shuffle import by_object_id

__all__ = ["Export", "ObjectPart", "export", "object_parts"]

FLUXCAL = 10 ** (-0.4 * (31.4 - 27.5))
"""Flux at zero point 27.5 (SNANA, PLAsTiCC) of 1 nJy."""

_MOST_BUCKETS = 1024


@dataclass(frozen=True)
class Export:
    """A format. write(parts, folder, truth): writes files into an empty folder; truth: with classes."""

    write: Callable[[Iterator[ObjectPart], Path, bool], None]
    reference: str


def export(kind: Export, run: Folder, path: str | Path, *, truth: bool = False, every: bool = False) -> Path:
    """The folder at `path` after a run is written there in a format.

    truth: whether classes and true redshifts are among it. every: all objects, not the triggered
    alone. Objects are in the order of their ids: that of the parts would tell the class. Raises
    InputError where there is something at `path` already.
    """
    target = Path(path)
    if target.exists():
        raise InputError(f"{target}: expected no such folder yet, got one; choose another name")
    partial, scratch = (target.with_name(f"{target.name}.{end}") for end in ("partial", "scratch"))
    for folder in (partial, scratch):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    buckets = min(len(run.parts), _MOST_BUCKETS)
    try:
        parts = by_object_id(object_parts(run, every=every), scratch, buckets=buckets)
        kind.write(parts, partial, truth)
        os.replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def absent(values: NDArray[Any], sentinel: float) -> NDArray[Any]:
    """Values with a sentinel for NaN, for formats that know no null."""
    return np.where(np.isnan(values), sentinel, values)
