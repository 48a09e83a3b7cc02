"""A bounded training sample of a stream of alerts, the same whatever the order in which they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.rng import stream
from brokerbench.tables import AlertBatch
from reference_brokers.features import features
from reference_brokers.model import class_ids

__all__ = ["Sample", "draw_sample", "keep_rate", "uniform"]


@dataclass(frozen=True)
class Sample:
    """Rows to learn from: features f4[m, F], class id i4[m] and object id i8[m] of each."""

    rows: NDArray[np.float32]
    class_id: NDArray[np.int32]
    object_id: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_]) -> Sample:
        """Some of the rows."""
        return Sample(self.rows[rows], self.class_id[rows], self.object_id[rows])

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weight f8[m] of each row, mean 1: those of a class sum to the square root of its number of rows.

        Half-way, on a logarithmic scale, between classes as frequent as they came and all the same: equal
        weights made log loss worse on most runs tried, and weights of 1 lost the rare classes.
        """
        _, inverse, counts = np.unique(self.class_id, return_inverse=True, return_counts=True)
        weights = counts[inverse] ** -0.5
        return weights / weights.mean()


def keep_rate(n_detections: NDArray[np.float32], alerts_per_object: float) -> NDArray[np.float64]:
    """Probability f8[n] that an alert is kept: 1 for the first few of an object, then c / n_detections.

    An object of N detections gives about c (1 + ln(N / c)) rows, spread evenly in the logarithm of its
    length: a variable with 1,000 alerts does not drown a kilonova with 3.
    """
    return np.minimum(1.0, alerts_per_object / np.maximum(n_detections, 1))


def uniform(seed: int, purpose: str, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """A uniform number f8[n] in [0, 1) of each integer, keyed by seed and purpose, not by order.

    Finaliser of splitmix64 (Steele, Lea & Flood 2014).
    """
    key = stream(seed, "sample", purpose).integers(0, 1 << 63, dtype=np.uint64)
    with np.errstate(over="ignore"):
        x = numbers.astype(np.uint64) ^ key
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype("f8") * 2.0**-53


def draw_sample(
    batches: Iterable[tuple[AlertBatch, NDArray[np.int32]]],
    *,
    seed: int,
    rows_per_class: int,
    alerts_per_object: float,
    name: str,
) -> Sample:
    """A sample of the alerts, at most rows_per_class a class, ordered by class and then by hash.

    A row is kept by a hash of its alert id alone, so memory is bounded and neither the order nor the
    size of the batches matters. Raises InputError where there is no alert or a single class.
    """
    kept: dict[int, tuple[Any, ...]] = {}  # ranks, rows, objects
    for batch, labels in batches:
        labels = class_ids(labels, len(batch), name)
        sources = np.concatenate([[0], np.cumsum(~batch.forced)])
        n_detections = np.diff(sources[batch.offsets])
        chosen = uniform(seed, "keep", batch.alert_id) < keep_rate(n_detections, alerts_per_object)
        if not chosen.any():
            continue
        picked = batch.take(np.flatnonzero(chosen))
        rank, objects, matrix = uniform(seed, "rank", picked.alert_id), picked.object_id, features(picked)
        for class_id in np.unique(labels[chosen]).tolist():
            mine = labels[chosen] == class_id
            found: tuple[Any, ...] = (rank[mine], matrix[mine], objects[mine])
            if class_id in kept:
                found = tuple(np.concatenate(pair) for pair in zip(kept[class_id], found, strict=True))
            order = np.argsort(found[0], kind="stable")[:rows_per_class]
            kept[class_id] = (found[0][order], found[1][order], found[2][order])
    if len(kept) < 2:
        got = f"only class {next(iter(kept))}" if kept else "no alerts"
        raise InputError(
            f"{name}.fit: expected alerts of two classes or more, got {got}; train on another run"
        )
    return Sample(
        rows=np.concatenate([kept[c][1] for c in sorted(kept)]),
        class_id=np.concatenate([np.full(len(kept[c][1]), c, "i4") for c in sorted(kept)]),
        object_id=np.concatenate([kept[c][2] for c in sorted(kept)]),
    )
