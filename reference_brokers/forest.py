"""A random forest on an alert's history, run as ONNX: the baseline that others should beat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.rng import stream
from brokerbench.tables import AlertBatch
from reference_brokers.features import FEATURES, features, features_sha256
from reference_brokers.model import onnx_session, read_model, unfitted, write_model
from reference_brokers.sample import draw_sample

ABSENT = np.float32(-1e6)
"""Stands for NaN inside the forest, below every value that a feature takes, so that trees can split on it."""


@dataclass(frozen=True)
class Forest:
    """Random forest (Breiman 2001) on the features of an alert's history, as after ALeRCE's BHRF.

    Fitted on truncated histories: each alert of the training run is one, so the forest has seen young
    objects too. Classes weigh the same however many rows they have (balanced): the probabilities are
    those of a sky on which all classes are equally frequent.
    """

    name: str = "forest"
    version: str = "1"
    classes: tuple[int, ...] = ()
    trees: int = 120
    depth: int = 14
    leaf: int = 3
    rows_per_class: int = 12_000
    alerts_per_object: float = 4.0
    onnx: bytes | None = None

    def classify(self, batch: AlertBatch) -> NDArray[np.float32]:
        """Probabilities f4[n, C]; every row sums to 1."""
        if self.onnx is None:
            raise unfitted(self.name)
        if not len(batch):
            return np.empty((0, len(self.classes)), "f4")
        matrix = features(batch)
        votes = self._session.run(None, {"features": np.where(np.isnan(matrix), ABSENT, matrix)})[1]
        return votes / votes.sum(axis=1, keepdims=True)

    def fit(self, batches: Iterable[tuple[AlertBatch, NDArray[np.int32]]], *, seed: int) -> Forest:
        """A fitted forest. batches: alerts and the class id i4[n] of each alert's object.

        Raises InputError where the labels do not fit the alerts or hold fewer than two classes.
        """
        from sklearn.ensemble import RandomForestClassifier

        rows, ids = draw_sample(
            batches,
            seed=seed,
            rows_per_class=self.rows_per_class,
            alerts_per_object=self.alerts_per_object,
            name=self.name,
        )
        model = RandomForestClassifier(
            self.trees,
            max_depth=self.depth,
            min_samples_leaf=self.leaf,
            class_weight="balanced",
            n_jobs=-1,  # the trees do not depend on it
            random_state=int(stream(seed, self.name, "trees").integers(1 << 31)),
        )
        model.fit(np.where(np.isnan(rows), ABSENT, rows), ids)
        classes = tuple(int(c) for c in model.classes_)
        return replace(self, classes=classes, onnx=_as_onnx(model))

    def save(self, folder: Path) -> None:
        """Write the model folder."""
        if self.onnx is None:
            raise unfitted(self.name)
        about = {
            "broker": self.name,
            "version": self.version,
            "classes": list(self.classes),
            "features": list(FEATURES),
            "features_sha256": features_sha256(),
        }
        write_model(folder, about, self.onnx)

    def load(self, folder: Path) -> Forest:
        """The forest of a model folder. Raises InputError where it is not one, or has other features."""
        manifest, onnx = read_model(folder, self.name, self.version)
        if manifest.get("features_sha256") != features_sha256() or onnx is None:
            raise InputError(
                f"{folder}: expected a model of these {len(FEATURES)} features, got other ones; train it anew"
            )
        return replace(self, classes=tuple(manifest["classes"]), onnx=onnx)

    @cached_property
    def _session(self) -> Any:
        assert self.onnx is not None
        return onnx_session(self.onnx)


def _as_onnx(model: Any) -> bytes:
    """A fitted scikit-learn forest as the bytes of an ONNX file."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    inputs = [("features", FloatTensorType([None, len(FEATURES)]))]
    converted = convert_sklearn(model, initial_types=inputs, options={id(model): {"zipmap": False}})
    return converted.SerializeToString()


BROKER = Forest()
