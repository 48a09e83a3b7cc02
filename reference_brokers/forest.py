"""A random forest on an alert's history, run as ONNX: the baseline that others should beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brokerbench.rng import stream
from reference_brokers._trees_onnx import forest_as_onnx
from reference_brokers.learner import Learner

ABSENT = -1e6
"""Stands for NaN when the forest grows, below every value of a feature: trees can split on absence."""

TREES, DEPTH, LEAF = 120, 14, 3


def grow(
    rows: NDArray[np.float32], numbers: NDArray[np.int64], weights: NDArray[np.float64], seed: int
) -> bytes:
    """ONNX bytes of a random forest (Breiman 2001) of 120 trees of depth 14, three rows a leaf or more."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(
        TREES,
        max_depth=DEPTH,
        min_samples_leaf=LEAF,
        n_jobs=-1,  # the trees do not depend on it
        random_state=int(stream(seed, "forest", "trees").integers(1 << 31)),
    )
    model.fit(np.where(np.isnan(rows), np.float32(ABSENT), rows), numbers, sample_weight=weights)
    return forest_as_onnx(model, rows.shape[1])


CALIBRATE_FROM = 100
"""Votes are nearly calibrated as they are, so a temperature from fewer objects than this adds noise alone."""

BROKER = Learner(name="forest", version="1", learn=grow, calibrate_from=CALIBRATE_FROM)
