"""What metrics are made of: arrays of counts that add up over objects.

A state turns a snapshot into arrays; chunks, processes and machines merge by adding them. Its
statistics are what a metric sees; the statistics of resamples are drawn from the same arrays, a
bootstrap over objects: an object lies in one cell, and the cells of a resample are multinomial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scoring.snapshot import Layout, Snapshot

__all__ = ["CONFUSION", "Confusions", "Losses", "State", "Statistics", "resample_cells"]

Arrays = Mapping[str, NDArray]
"""Named arrays of counts or sums of one snapshot; equal shapes for equal layouts."""


@dataclass(frozen=True)
class Statistics:
    """What a metric is computed from; arrays may have a leading axis of resamples.

    arrays: by name, as the state's docstring says.
    """

    layout: Layout
    arrays: Arrays

    def __getitem__(self, name: str) -> NDArray:
        return self.arrays[name]


class State(Protocol):
    """A mergeable summary of snapshots."""

    @property
    def name(self) -> str:
        """The key under which the arrays are kept."""
        ...

    def count(self, snapshot: Snapshot) -> Arrays:
        """The arrays of one snapshot; those of several are their sum."""
        ...

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """What a metric sees of the arrays."""
        ...

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """The statistics of n resamples of the objects, along a leading axis."""
        ...


def resample_cells(cells: NDArray[np.int64], *, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Counts of n multinomial resamples, i8[n, cells.size]; each row sums to cells.sum()."""
    flat = cells.ravel()
    drawn = np.zeros((n, flat.size), np.int64)
    held = np.flatnonzero(flat)
    if held.size:
        total = int(flat.sum())
        drawn[:, held] = rng.multinomial(total, flat[held] / total, size=n)
    return drawn


@dataclass(frozen=True)
class Confusions:
    """Joint counts of true and predicted class.

    Statistics: ``cells`` i8[..., T, C + 1], the last column for objects without an answer.
    """

    name: str = "confusion"

    def count(self, snapshot: Snapshot) -> Arrays:
        """``cells`` i8[T, C + 1]."""
        n_true, width = len(snapshot.layout.truth), len(snapshot.layout.columns) + 1
        column = np.where(snapshot.predicted < 0, width - 1, snapshot.predicted)
        flat = np.bincount(snapshot.true * width + column, minlength=n_true * width)
        return {"cells": flat.reshape(n_true, width).astype(np.int64)}

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """The cells themselves."""
        return Statistics(layout, arrays)

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """Cells i8[n, T, C + 1] of n resamples."""
        drawn = resample_cells(arrays["cells"], rng=rng, n=n)
        return Statistics(layout, {"cells": drawn.reshape(n, *arrays["cells"].shape)})


CONFUSION = Confusions()

BINS = 64
"""Cells per class that the losses of a class are resampled from."""


@dataclass(frozen=True)
class Losses:
    """Sums of a loss of each object, by true class.

    The sums are exact. Resamples draw objects from 64 cells of loss, finer where losses are small
    (edges at high * (i / 64)^2), each cell at the mean of its objects: what the intervals miss is
    the scatter inside a cell.

    loss: f8[n] of a snapshot, 0 <= loss; high: where the last cell begins to collect everything.
    Statistics: ``n`` i8[..., T] objects, ``total`` f8[..., T] summed loss.
    """

    name: str
    loss: Callable[[Snapshot], NDArray[np.float64]]
    high: float

    def count(self, snapshot: Snapshot) -> Arrays:
        """``cells`` i8[T, 64] objects and ``sums`` f8[T, 64] of their losses."""
        loss = self.loss(snapshot)
        shape = (len(snapshot.layout.truth), BINS)
        at = np.clip(np.sqrt(np.maximum(loss, 0.0) / self.high) * BINS, 0, BINS - 1).astype(np.int64)
        cell = snapshot.true * BINS + at
        size = shape[0] * BINS
        return {
            "cells": np.bincount(cell, minlength=size).reshape(shape).astype(np.int64),
            "sums": np.bincount(cell, weights=loss, minlength=size).reshape(shape),
        }

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """Objects and summed loss of each class."""
        return Statistics(layout, {"n": arrays["cells"].sum(-1), "total": arrays["sums"].sum(-1)})

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """Objects i8[n, T] and summed loss f8[n, T] of n resamples."""
        cells = arrays["cells"]
        mean = arrays["sums"] / np.maximum(cells, 1)
        drawn = resample_cells(cells, rng=rng, n=n).reshape(n, *cells.shape)
        return Statistics(layout, {"n": drawn.sum(-1), "total": np.einsum("rtb,tb->rt", drawn, mean)})
