"""The prior: every alert gets the class frequencies of the training run. The floor of any score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.tables import AlertBatch
from reference_brokers.model import class_ids, read_model, unfitted, write_model


@dataclass(frozen=True)
class Prior:
    """The same probabilities for every alert: class frequencies among the objects of the training run.

    An object counts once, however many alerts it has: frequencies among alerts would be those of
    the bright and long-lived.
    """

    name: str = "prior"
    version: str = "1"
    classes: tuple[int, ...] = ()
    frequency: tuple[float, ...] = ()

    def classify(self, batch: AlertBatch) -> NDArray[np.float32]:
        """Class frequencies f4[n, C], the same in every row."""
        if not self.classes:
            raise unfitted(self.name)
        return np.tile(np.asarray(self.frequency, "f4"), (len(batch), 1))

    def fit(self, batches: Iterable[tuple[AlertBatch, NDArray[np.int32]]], *, seed: int) -> Prior:
        """The prior of a training run. batches: alerts and the class id i4[n] of each; seed is not used.

        Memory grows with the number of objects, not of alerts.
        """
        counts: Counter[int] = Counter()
        seen: set[int] = set()
        for batch, labels in batches:
            ids = class_ids(labels, len(batch), self.name)
            objects, first = np.unique(batch.object_id, return_index=True)
            for object_id, class_id in zip(objects.tolist(), ids[first].tolist(), strict=True):
                if object_id not in seen:
                    seen.add(object_id)
                    counts[class_id] += 1
        if not counts:
            raise InputError(f"{self.name}.fit: expected alerts to learn from, got none; check the run")
        classes = tuple(sorted(counts))
        total = sum(counts.values())
        return replace(self, classes=classes, frequency=tuple(counts[c] / total for c in classes))

    def save(self, folder: Path) -> None:
        """Write the model folder."""
        about = {
            "broker": self.name,
            "version": self.version,
            "classes": list(self.classes),
            "frequency": list(self.frequency),
        }
        write_model(folder, about)

    def load(self, folder: Path) -> Prior:
        """The prior of a model folder. Raises InputError where it is not one."""
        manifest, _ = read_model(folder, self.name, self.version)
        return replace(self, classes=tuple(manifest["classes"]), frequency=tuple(manifest["frequency"]))


BROKER = Prior()
