"""What brokers that learn from features share: the sample, calibration, the model folder, answering."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.tables import AlertBatch
from reference_brokers.calibration import fit_temperature, held_out, tempered
from reference_brokers.features import FEATURES, features, features_sha256
from reference_brokers.model import check_trees, onnx_session, read_model, unfitted, write_model
from reference_brokers.sample import Sample, draw_sample

__all__ = ["Learner", "Training"]


@dataclass(frozen=True)
class Training:
    """How a training sample is drawn: rows a class at most, and rows of an object before they thin out."""

    rows_per_class: int = 12_000
    alerts_per_object: float = 4.0


@dataclass(frozen=True)
class Learner:
    """A broker whose model is an ONNX file from features to probabilities.

    Fitted on truncated histories: each alert of the training run is one, so it has seen young objects
    too. Weights of classes: `Sample.weights`. A fifth of the objects is kept apart to fit a
    temperature (without weights: on the sky of the training run), and the model is then fitted on all.
    """

    name: str
    version: str
    learn: Callable[[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64], int], bytes]
    """ONNX bytes from rows f4[m, F], class numbers i8[m], weights f8[m] and a seed."""
    columns: tuple[str, ...] = FEATURES
    calibrate_from: int = 1
    """Objects that must be kept apart for a temperature to be fitted; below, it is 1."""
    training: Training = Training()
    classes: tuple[int, ...] = ()
    temperature: float = 1.0
    onnx: bytes | None = None

    def classify(self, batch: AlertBatch) -> NDArray[np.float32]:
        """Probabilities f4[n, C]; every row sums to 1."""
        if self.onnx is None:
            raise unfitted(self.name)
        if not len(batch):
            return np.empty((0, len(self.classes)), "f4")
        return tempered(_run(self._session, features(batch)[:, self._picked]), self.temperature)

    def fit(self, batches: Iterable[tuple[AlertBatch, NDArray[np.int32]]], *, seed: int) -> Self:
        """A fitted broker. batches: alerts and the class id i4[n] of each alert's object.

        Raises InputError where the labels do not fit the alerts or hold fewer than two classes.
        """
        sample = draw_sample(
            batches,
            seed=seed,
            rows_per_class=self.training.rows_per_class,
            alerts_per_object=self.training.alerts_per_object,
            name=self.name,
        )
        classes = tuple(np.unique(sample.class_id).tolist())
        temperature = self._temperature(sample, seed)
        return replace(self, classes=classes, temperature=temperature, onnx=self._learnt(sample, seed))

    def _temperature(self, sample: Sample, seed: int) -> float:
        """The temperature of a model fitted on four fifths of the objects, on the others; 1 where too few."""
        apart = held_out(sample, seed)
        if len(np.unique(sample.object_id[apart])) < max(self.calibrate_from, 1):
            return 1.0
        trial, test = onnx_session(self._learnt(sample.take(~apart), seed)), sample.take(apart)
        truth = np.unique(test.class_id, return_inverse=True)[1]
        return fit_temperature(_run(trial, test.rows[:, self._picked]), truth)

    def save(self, folder: Path) -> None:
        """Write the model folder."""
        if self.onnx is None:
            raise unfitted(self.name)
        about = {
            "broker": self.name,
            "version": self.version,
            "classes": list(self.classes),
            "temperature": self.temperature,
            "features": list(self.columns),
            "features_sha256": features_sha256(),
        }
        write_model(folder, about, self.onnx)

    def load(self, folder: Path) -> Self:
        """The broker of a model folder. Raises InputError where it is not one, or has other features."""
        manifest, onnx = read_model(folder, self.name, self.version)
        mine = (features_sha256(), list(self.columns))
        if (manifest.get("features_sha256"), manifest.get("features")) != mine or onnx is None:
            raise InputError(
                f"{folder}: expected a model of these {len(self.columns)} features, got other ones; "
                "train it anew"
            )
        classes, temperature = tuple(manifest["classes"]), float(manifest["temperature"])
        check_trees(onnx, len(self.columns), len(classes), Path(folder))
        return replace(self, classes=classes, temperature=temperature, onnx=onnx)

    def _learnt(self, sample: Sample, seed: int) -> bytes:
        numbers = np.unique(sample.class_id, return_inverse=True)[1]
        return self.learn(sample.rows[:, self._picked], numbers, sample.weights, seed)

    @cached_property
    def _picked(self) -> slice | NDArray[np.int64]:
        if self.columns == FEATURES:
            return slice(None)
        return np.array([FEATURES.index(c) for c in self.columns])

    @cached_property
    def _session(self) -> Any:
        assert self.onnx is not None
        return onnx_session(self.onnx)


def _run(session: Any, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return session.run(["probabilities"], {"features": np.ascontiguousarray(rows)})[0]
