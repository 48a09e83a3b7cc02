"""A random forest on an alert's history, run as ONNX: the baseline that others should beat."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.rng import stream
from reference_brokers.learner import Learner

ABSENT = -1e6
"""Stands for NaN inside the forest, below every value that a feature takes: trees can split on it."""

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
    return _as_onnx(model, rows.shape[1])


def _as_onnx(model: Any, n_features: int) -> bytes:
    """A fitted scikit-learn forest as the bytes of an ONNX file that takes NaN."""
    import onnx
    from onnx import TensorProto, helper
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    inputs = [("filled", FloatTensorType([None, n_features]))]
    made = convert_sklearn(model, initial_types=inputs, options={id(model): {"zipmap": False}})
    graph = made.graph
    graph.initializer.append(helper.make_tensor("absent", TensorProto.FLOAT, [1], [ABSENT]))
    graph.node.insert(0, helper.make_node("IsNaN", ["features"], ["missing"]))
    graph.node.insert(1, helper.make_node("Where", ["missing", "absent", "features"], ["filled"]))
    graph.input[0].name = "features"
    onnx.checker.check_model(made)
    return made.SerializeToString()


BROKER = Learner(name="forest", version="1", learn=grow)
