"""Messages sorted into the parts of a run on disk, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.table import items_of

__all__ = ["FIELDS", "Rows", "Spill"]

FIELDS = {
    "key": "i8",  # id that leads to the alert
    "source_id": "i8",
    "file": "i4",
    "position": "i8",
    "sender": "i4",
    "published": "f8",
    "claimed": "f8",
    "ingested": "f8",
}

FLUSHED = 1 << 19
"""Messages held before they are sorted and written."""

Rows = dict[str, NDArray]
"""Columns of FIELDS, and the pairs: ``counts`` i8[m], ``class_id`` i4[p], ``probability`` f4[p]."""


class Spill:
    """Rows put in any order come back part by part, in the order in which they were put."""

    def __init__(self, folder: Path, n_parts: int) -> None:
        self._folder, self._n_parts = folder, n_parts
        self._held: list[tuple[NDArray[np.int64], Rows]] = []
        self._n_held = self._n_flushes = 0
        self._bounds: list[NDArray[np.int64]] = []
        self._pair_bounds: list[NDArray[np.int64]] = []

    def put(self, part: NDArray[np.int64], rows: Rows) -> None:
        """Keep rows of the given parts, i8[m]."""
        if not len(part):
            return
        self._held.append((part, rows))
        self._n_held += len(part)
        if self._n_held >= FLUSHED:
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        part = np.concatenate([p for p, _ in self._held])
        rows = joined([r for _, r in self._held])
        order = np.argsort(part, kind="stable")
        taken = take(rows, order)
        for name, values in taken.items():
            np.save(self._folder / f"{self._n_flushes}-{name}.npy", values)
        bounds = np.searchsorted(part[order], np.arange(self._n_parts + 1))
        ends = np.concatenate([[0], np.cumsum(taken["counts"])])
        self._bounds.append(bounds)
        self._pair_bounds.append(ends[bounds])
        self._held, self._n_held = [], 0
        self._n_flushes += 1

    def take(self, part: int) -> Rows:
        """The rows of one part."""
        self._flush()
        pieces = []
        for k in range(self._n_flushes):
            rows = slice(*self._bounds[k][part : part + 2].tolist())
            pairs = slice(*self._pair_bounds[k][part : part + 2].tolist())
            pieces.append(
                {
                    name: np.load(self._folder / f"{k}-{name}.npy", mmap_mode="r", allow_pickle=False)[
                        pairs if name in ("class_id", "probability") else rows
                    ]
                    for name in (*FIELDS, "counts", "class_id", "probability")
                }
            )
        return joined(pieces)


def joined(pieces: Sequence[Rows]) -> Rows:
    """The rows of several pieces, one after the other."""
    types = {**FIELDS, "counts": "i8", "class_id": "i4", "probability": "f4"}
    if not pieces:
        return {name: np.empty(0, kind) for name, kind in types.items()}
    return {name: np.concatenate([p[name] for p in pieces]).astype(kind) for name, kind in types.items()}


def take(rows: Rows, order: NDArray[np.int64]) -> Rows:
    """The rows in another order, their pairs with them."""
    starts = np.cumsum(rows["counts"]) - rows["counts"]
    pairs = items_of(starts[order], rows["counts"][order])
    out = {name: rows[name][order] for name in (*FIELDS, "counts")}
    return {**out, "class_id": rows["class_id"][pairs], "probability": rows["probability"][pairs]}
