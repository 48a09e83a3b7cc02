"""Class frequencies by the number of detections so far: what an alert says by its mere number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.tables import AlertBatch
from reference_brokers.model import class_ids, read_model, unfitted, write_model

EDGES = (1, 2, 3, 5, 7, 10, 15, 21, 31, 46, 76)
"""First number of detections of each bin (AMPEL's models are split so)."""


@dataclass(frozen=True)
class DetectionPrior:
    """Class frequencies among the alerts of the training run with about as many detections.

    Variables outlive supernovae, so an object with 50 detections is hardly ever one. A classifier that
    does no better has learnt how long things last and nothing else. Bins with few alerts lean on the
    frequencies of all of them, which count as ten alerts.
    """

    name: str = "ndet_prior"
    version: str = "1"
    classes: tuple[int, ...] = ()
    frequency: tuple[tuple[float, ...], ...] = ()

    def classify(self, batch: AlertBatch) -> NDArray[np.float32]:
        """Class frequencies f4[n, C] of the bin of each alert."""
        if not self.classes:
            raise unfitted(self.name)
        return np.asarray(self.frequency, "f4")[_bins(batch)]

    def fit(self, batches: Iterable[tuple[AlertBatch, NDArray[np.int32]]], *, seed: int) -> DetectionPrior:
        """The prior of a training run. batches: alerts and the class id i4[n] of each; seed is not used."""
        counts: dict[int, NDArray[np.float64]] = {}
        for batch, labels in batches:
            ids, bins = class_ids(labels, len(batch), self.name), _bins(batch)
            for class_id in np.unique(ids).tolist():
                mine = np.bincount(bins[ids == class_id], minlength=len(EDGES))
                counts[class_id] = counts.get(class_id, np.zeros(len(EDGES))) + mine
        if not counts:
            raise InputError(f"{self.name}.fit: expected alerts to learn from, got none; check the run")
        classes = tuple(sorted(counts))
        table = np.stack([counts[c] for c in classes], axis=1)
        table += 10 * table.sum(axis=0) / table.sum()
        table /= table.sum(axis=1, keepdims=True)
        return replace(self, classes=classes, frequency=tuple(map(tuple, table.tolist())))

    def save(self, folder: Path) -> None:
        """Write the model folder."""
        about = {
            "broker": self.name,
            "version": self.version,
            "classes": list(self.classes),
            "frequency": [list(row) for row in self.frequency],
        }
        write_model(folder, about)

    def load(self, folder: Path) -> DetectionPrior:
        """The prior of a model folder. Raises InputError where it is not one."""
        manifest, _ = read_model(folder, self.name, self.version)
        frequency = tuple(tuple(row) for row in manifest["frequency"])
        return replace(self, classes=tuple(manifest["classes"]), frequency=frequency)


def _bins(batch: AlertBatch) -> NDArray[np.int64]:
    sources = np.concatenate([[0], np.cumsum(~batch.forced)])
    detections = np.diff(sources[batch.offsets])
    return np.clip(np.searchsorted(EDGES, detections, side="right") - 1, 0, None)


BROKER = DetectionPrior()
