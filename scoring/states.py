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

from scoring.draws import multinomials
from scoring.snapshot import Layout, Snapshot

__all__ = ["CONFUSION", "Arrays", "Cells", "State", "Statistics", "losses", "resample_cells"]

Arrays = Mapping[str, NDArray]
"""Named arrays of counts or sums."""


@dataclass(frozen=True)
class Statistics:
    """What a metric is computed from; arrays may have a leading axis of resamples.

    arrays: by name, as the state says.
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


Fold = Callable[[Layout, NDArray, NDArray], Statistics]


@dataclass(frozen=True)
class Cells:
    """A state in which each object lies in one cell of its true class, perhaps with an amount.

    width: cells of a class. amount: f8[n], summed a cell. cell: i8[n] of a snapshot and its amounts,
    the cell of each object; -1 for one that does not count. fold: statistics of counts
    i8[..., T, W] and sums f8[..., T, W].
    smooth: the mean amount of a class of many objects is drawn from its limiting law.
    """

    name: str
    width: Callable[[Layout], int]
    cell: Callable[[Snapshot, NDArray[np.float64]], NDArray[np.int64]]
    fold: Fold
    amount: Callable[[Snapshot], NDArray[np.float64]] | None = None
    smooth: bool = False

    def count(self, snapshot: Snapshot) -> Arrays:
        """``cells`` i8[T, W], with amounts ``sums`` f8[T, W] and ``squares`` f8[T] too."""
        n_true, width = len(snapshot.layout.truth), self.width(snapshot.layout)
        true = snapshot.true
        amount = np.zeros(0) if self.amount is None else self.amount(snapshot)
        cell = self.cell(snapshot, amount)
        counted = cell >= 0
        if not counted.all():
            cell, true = cell[counted], true[counted]
            amount = amount[counted] if self.amount is not None else amount
        flat, size = true * width + cell, n_true * width
        arrays = {"cells": np.bincount(flat, minlength=size).reshape(n_true, width).astype(np.int64)}
        if self.amount is not None:
            arrays["sums"] = np.bincount(flat, weights=amount, minlength=size).reshape(n_true, width)
            arrays["squares"] = np.bincount(true, weights=amount * amount, minlength=n_true)
        return arrays

    def merge(self, pieces: Sequence[Arrays]) -> Arrays:
        """Sums, in the order of the pieces."""
        return {name: sum((p[name] for p in pieces[1:]), pieces[0][name]) for name in pieces[0]}

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """The statistics of the counts themselves."""
        return self.fold(layout, arrays["cells"], arrays.get("sums", arrays["cells"]))

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """The statistics of n resamples; an amount is that of its cell's mean."""
        cells = arrays["cells"]
        if self.smooth:
            return self.fold(layout, *_resample_sums(arrays, rng=rng, n=n))
        drawn = resample_cells(cells, rng=rng, n=n)
        if self.amount is None:
            return self.fold(layout, drawn, drawn)
        return self.fold(layout, drawn, drawn * (arrays["sums"] / np.maximum(cells, 1)))


def resample_cells(cells: NDArray[np.int64], *, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Counts of n resamples of cells i8[T, K], i8[n, T, K]: the objects of each row drawn anew.

    Rows keep their sums: a bootstrap stratified by true class. Unstratified, a class of three
    objects is absent from one resample in twenty, and a mean over classes jumps there.
    """
    return multinomials(cells, rng=rng, n=n)


def _given_cell(snapshot: Snapshot, _: NDArray) -> NDArray[np.int64]:
    return np.where(snapshot.predicted < 0, len(snapshot.layout.columns), snapshot.predicted)


CONFUSION = Cells(
    "confusion",
    width=lambda layout: len(layout.columns) + 1,
    cell=_given_cell,
    fold=lambda layout, cells, _: Statistics(layout, {"cells": cells}),
)
"""Joint counts of true and given class: ``cells`` i8[..., T, C + 1], no answer last."""

BINS = 64
"""Cells per class that the losses of a class are resampled from."""

MANY = 200
"""Objects of a class above which the mean of a resample is drawn from its limiting law."""


def losses(
    name: str, loss: Callable[[Snapshot], NDArray[np.float64]], *, high: float, answered_only: bool = False
) -> Cells:
    """The state of a loss of each object, f8[n] >= 0: ``n`` i8[..., T] and ``total`` f8[..., T].

    The sums are exact. For resamples losses lie in 64 cells, finer where losses are small (edges at
    high * (i / 64)^2), each at the mean of its objects; the last cell collects what is beyond. The
    mean loss of a class of up to 200 objects is resampled from these cells; of more, drawn from the
    gamma law that has the mean, the exact variance and the skewness of a resample (Pearson type
    III), which is faster. answered_only: objects without an answer do not count.
    """

    def cell(snapshot: Snapshot, amount: NDArray[np.float64]) -> NDArray[np.int64]:
        if answered_only:
            amount = np.where(snapshot.predicted < 0, 0.0, amount)
        found = np.clip(np.sqrt(np.maximum(amount, 0.0) / high) * BINS, 0, BINS - 1).astype(np.int64)
        return np.where(snapshot.predicted < 0, -1, found) if answered_only else found

    def fold(layout: Layout, cells: NDArray, sums: NDArray) -> Statistics:
        return Statistics(layout, {"n": cells.sum(-1), "total": sums.sum(-1)})

    return Cells(name, width=lambda _: BINS, cell=cell, fold=fold, amount=loss, smooth=True)


def _resample_sums(arrays: Arrays, *, rng: np.random.Generator, n: int) -> tuple[NDArray, NDArray]:
    """Counts and sums [n, T, 1] of resamples, each class in a single cell."""
    cells, sums = arrays["cells"], arrays["sums"]
    objects = cells.sum(-1)
    total = np.zeros((n, len(cells)))
    for t in np.flatnonzero(objects):
        held = np.flatnonzero(cells[t])
        count, mean = cells[t, held], sums[t, held] / cells[t, held]
        if objects[t] <= MANY:
            total[:, t] = resample_cells(count[None], rng=rng, n=n)[:, 0] @ mean
        else:
            total[:, t] = _limit(count, mean, arrays["squares"][t], rng=rng, n=n)
    return np.broadcast_to(objects, total.shape)[..., None], total[..., None]


def _limit(
    count: NDArray[np.int64], mean: NDArray[np.float64], square: float, *, rng: np.random.Generator, n: int
) -> NDArray[np.float64]:
    """Sums of n resamples of many losses, f8[n], from a shifted gamma law of three moments."""
    objects = count.sum()
    centre = count @ mean / objects
    variance = max(square / objects - centre**2, 0.0)
    third = count @ (mean - centre) ** 3 / objects
    if variance <= 1e-14 * centre**2:  # rounding of equal losses
        return np.full(n, centre * objects)
    skewness = third / variance**1.5 / np.sqrt(objects)
    if abs(skewness) < 1e-6:
        unit = rng.standard_normal(n)
    else:
        shape = 4.0 / skewness**2
        unit = np.sign(skewness) * (rng.standard_gamma(shape, n) - shape) / np.sqrt(shape)
    return objects * centre + np.sqrt(objects * variance) * unit
