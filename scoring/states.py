"""What metrics are made of: arrays of counts that add up over objects.

A state turns a snapshot into arrays; chunks, processes and machines merge by adding them. Its
statistics are what a metric sees; the statistics of resamples are drawn from the same arrays, a
bootstrap over the objects of each true class: an object lies in one cell, and the cells of a
resample are multinomial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scoring.snapshot import Layout, Snapshot

__all__ = ["CONFUSION", "Additive", "Confusions", "Losses", "State", "Statistics", "resample_cells"]

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
        """The arrays of one snapshot."""
        ...

    def merge(self, pieces: Sequence[Arrays]) -> Arrays:
        """The arrays of several snapshots of different objects."""
        ...

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """What a metric sees of the arrays."""
        ...

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """The statistics of n resamples of the objects, along a leading axis."""
        ...


class Additive:
    """A state whose arrays add up."""

    def merge(self, pieces: Sequence[Arrays]) -> Arrays:
        """Sums, in the order of the pieces."""
        return {name: sum((p[name] for p in pieces[1:]), pieces[0][name]) for name in pieces[0]}


def resample_cells(cells: NDArray[np.int64], *, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Counts of n resamples of cells i8[T, K], i8[n, T, K]: the objects of each row drawn anew.

    Rows keep their sums: a bootstrap stratified by true class. Unstratified, a class of three
    objects is absent from one resample in twenty, and a mean over classes jumps there.
    """
    drawn = np.zeros((n, *cells.shape), np.int64)
    for t, row in enumerate(cells):
        held = np.flatnonzero(row)
        if held.size == 1:
            drawn[:, t, held[0]] = row[held[0]]
        elif held.size:
            total = int(row.sum())
            drawn[:, t, held] = rng.multinomial(total, row[held] / total, size=n)
    return drawn


@dataclass(frozen=True)
class Confusions(Additive):
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
        return Statistics(layout, {"cells": resample_cells(arrays["cells"], rng=rng, n=n)})


CONFUSION = Confusions()

BINS = 64
"""Cells per class that the losses of a class are resampled from."""

MANY = 200
"""Objects of a class above which the mean of a resample is drawn from its limiting law."""


@dataclass(frozen=True)
class Losses(Additive):
    """Sums of a loss of each object, by true class.

    The sums are exact. For resamples losses lie in 64 cells, finer where losses are small (edges at
    high * (i / 64)^2), each at the mean of its objects. The mean loss of a class of up to 200
    objects is resampled from these cells; of more, drawn from the gamma law that has the mean, the
    exact variance and the skewness of a resample (Pearson type III), which is 100 times faster.

    loss: f8[n] of a snapshot, 0 <= loss; high: where the last cell begins to collect everything.
    Statistics: ``n`` i8[..., T] objects, ``total`` f8[..., T] summed loss.
    """

    name: str
    loss: Callable[[Snapshot], NDArray[np.float64]]
    high: float

    def count(self, snapshot: Snapshot) -> Arrays:
        """``cells`` i8[T, 64] objects, ``sums`` and ``squares`` f8[T, 64] of their losses."""
        loss = self.loss(snapshot)
        shape = (len(snapshot.layout.truth), BINS)
        at = np.clip(np.sqrt(np.maximum(loss, 0.0) / self.high) * BINS, 0, BINS - 1).astype(np.int64)
        cell = snapshot.true * BINS + at
        size = shape[0] * BINS
        return {
            "cells": np.bincount(cell, minlength=size).reshape(shape).astype(np.int64),
            "sums": np.bincount(cell, weights=loss, minlength=size).reshape(shape),
            "squares": np.bincount(cell, weights=loss * loss, minlength=size).reshape(shape),
        }

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """Objects and summed loss of each class."""
        return Statistics(layout, {"n": arrays["cells"].sum(-1), "total": arrays["sums"].sum(-1)})

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """Objects i8[n, T] and summed loss f8[n, T] of n resamples."""
        cells, sums = arrays["cells"], arrays["sums"]
        objects = cells.sum(-1)
        total = np.zeros((n, len(cells)))
        for t in np.flatnonzero(objects):
            held = np.flatnonzero(cells[t])
            count, mean = cells[t, held], sums[t, held] / cells[t, held]
            if objects[t] <= MANY:
                drawn = resample_cells(count[None], rng=rng, n=n)[:, 0]
                total[:, t] = drawn @ mean
            else:
                total[:, t] = _limit(count, mean, arrays["squares"][t].sum(), rng=rng, n=n)
        return Statistics(layout, {"n": np.broadcast_to(objects, total.shape), "total": total})


def _limit(
    count: NDArray[np.int64], mean: NDArray[np.float64], square: float, *, rng: np.random.Generator, n: int
) -> NDArray[np.float64]:
    """Sums of n resamples of many losses, f8[n], from a shifted gamma law of three moments."""
    objects = count.sum()
    centre = count @ mean / objects
    variance = max(square / objects - centre**2, 0.0)
    third = count @ (mean - centre) ** 3 / objects
    if variance == 0.0:
        return np.full(n, centre * objects)
    skewness = third / variance**1.5 / np.sqrt(objects)
    if abs(skewness) < 1e-6:
        unit = rng.standard_normal(n)
    else:
        shape = 4.0 / skewness**2
        unit = np.sign(skewness) * (rng.standard_gamma(shape, n) - shape) / np.sqrt(shape)
    return objects * centre + np.sqrt(objects * variance) * unit
