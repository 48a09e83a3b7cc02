"""Gradient-boosted trees on an alert's history, run as ONNX: stronger and slower than the forest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brokerbench.rng import stream
from reference_brokers._trees_onnx import boosted_as_onnx
from reference_brokers.learner import Learner

ROUNDS, LEAVES, RATE = 80, 24, 0.1

BINS = 63
"""Of each feature. 255 take up to twice as long and came out no better."""


def boost(
    rows: NDArray[np.float32], numbers: NDArray[np.int64], weights: NDArray[np.float64], seed: int
) -> bytes:
    """ONNX bytes of 80 rounds of boosted trees of 24 leaves (Friedman 2001, on histograms)."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingClassifier(
        learning_rate=RATE,
        max_iter=ROUNDS,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=10,
        max_bins=BINS,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=int(stream(seed, "gbm", "bins").integers(1 << 31)),
    )
    rows = rows.copy()
    with np.errstate(invalid="ignore"):
        constant = ~(np.nanmax(rows, axis=0, initial=-np.inf) > np.nanmin(rows, axis=0, initial=np.inf))
    rows[:, constant] = 0.0  # scikit-learn cannot bin fewer than two values; one row apart is never split off
    rows[0, constant] = 1.0
    with threadpool_limits(1, user_api="openmp"):  # sums of gradients would depend on the threads
        model.fit(rows, numbers, sample_weight=weights)
    return boosted_as_onnx(model, rows.shape[1])


BROKER = Learner(name="gbm", version="1", learn=boost)
