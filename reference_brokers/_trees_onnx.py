"""scikit-learn's tree ensembles as ONNX, node by node, as one TreeEnsembleRegressor of ONNX-ML.

skl2onnx 1.20 fails on multiclass histogram boosting, and writes a weight for every class into every
leaf of a forest, most of them 0. A missing value goes where the tree has learnt to send it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["boosted_as_onnx", "forest_as_onnx", "largest_f4"]

IR_VERSION = 8
OPSETS = (("", 17), ("ai.onnx.ml", 3))


@dataclass(frozen=True)
class _Nodes:
    """All nodes of all trees, end to end, and what their leaves add to which output."""

    tree: NDArray[np.int64]
    node: NDArray[np.int64]
    leaf: NDArray[np.bool_]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    at: NDArray[np.int64]  # node of each addition
    output: NDArray[np.int64]
    weight: NDArray[np.float64]


def largest_f4(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest f4 not above each f8: x <= value and x <= it are then the same for every f4 x."""
    rounded = values.astype("f4")
    return np.where(rounded > values, np.nextafter(rounded, np.float32(-np.inf)), rounded).astype("f4")


def forest_as_onnx(model: Any, n_features: int) -> bytes:
    """A fitted RandomForestClassifier as the bytes of an ONNX file.

    Input "features" f4[n, F]; output "probabilities" f4[n, C]. NaN goes left everywhere, as a number below
    every threshold does.
    """
    trees = [e.tree_ for e in model.estimators_]
    counts = [t.node_count for t in trees]
    left = np.concatenate([t.children_left for t in trees])
    leaf = left < 0
    share = np.concatenate([t.value[:, 0, :] for t in trees])[leaf]
    share /= share.sum(axis=1, keepdims=True) * len(trees)
    row, output = np.nonzero(share)
    nodes = _Nodes(
        tree=np.repeat(np.arange(len(trees)), counts),
        node=np.concatenate([np.arange(c) for c in counts]),
        leaf=leaf,
        feature=np.concatenate([t.feature for t in trees]),
        threshold=np.concatenate([t.threshold for t in trees]),
        left=left,
        right=np.concatenate([t.children_right for t in trees]),
        missing_left=np.ones(len(leaf), bool),
        at=np.flatnonzero(leaf)[row],
        output=output,
        weight=share[row, output],
    )
    return _as_onnx(nodes, np.zeros(len(model.classes_)), n_features, last=None)


def boosted_as_onnx(model: Any, n_features: int) -> bytes:
    """A fitted HistGradientBoostingClassifier as the bytes of an ONNX file.

    Input "features" f4[n, F], NaN allowed; output "probabilities" f4[n, C].
    """
    n_classes = len(model.classes_)
    trees = [(k, tree.nodes) for stage in model._predictors for k, tree in enumerate(stage)]
    counts = [len(nodes) for _, nodes in trees]
    every = np.concatenate([nodes for _, nodes in trees])
    leaf = every["is_leaf"].astype(bool)
    # two classes have one score, that of the second against 0 of the first: softmax makes it a sigmoid
    output = np.repeat([k if n_classes > 2 else 1 for k, _ in trees], counts)
    base = np.ravel(model._baseline_prediction)
    nodes = _Nodes(
        tree=np.repeat(np.arange(len(trees)), counts),
        node=np.concatenate([np.arange(c) for c in counts]),
        leaf=leaf,
        feature=every["feature_idx"],
        threshold=np.where(leaf, 0.0, every["num_threshold"]),
        left=every["left"],
        right=every["right"],
        missing_left=every["missing_go_to_left"].astype(bool),
        at=np.flatnonzero(leaf),
        output=output[leaf],
        weight=every["value"][leaf],
    )
    return _as_onnx(nodes, base if n_classes > 2 else np.array([0.0, base[0]]), n_features, last="Softmax")


def _as_onnx(nodes: _Nodes, base: NDArray[np.float64], n_features: int, *, last: str | None) -> bytes:
    from onnx import TensorProto, helper

    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["scores" if last else "probabilities"],
        domain="ai.onnx.ml",
        **_attributes(nodes, base),
    )
    steps = [ensemble, helper.make_node(last, ["scores"], ["probabilities"], axis=1)] if last else [ensemble]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, n_features])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, len(base)])]
    graph = helper.make_graph(steps, "trees", inputs, outputs)
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="brokerbench")
    return made.SerializeToString()


def _attributes(nodes: _Nodes, base: NDArray[np.float64]) -> dict[str, Any]:
    """Attributes of the operator. A leaf has no feature, threshold or children: 0."""
    leaf = nodes.leaf
    return {
        "n_targets": len(base),
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "base_values": base.tolist(),
        "nodes_treeids": nodes.tree.tolist(),
        "nodes_nodeids": nodes.node.tolist(),
        "nodes_featureids": np.where(leaf, 0, nodes.feature).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values": largest_f4(np.where(leaf, 0.0, nodes.threshold)).tolist(),
        "nodes_truenodeids": np.where(leaf, 0, nodes.left).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, nodes.right).tolist(),
        "nodes_missing_value_tracks_true": np.where(leaf, 0, nodes.missing_left).tolist(),
        "target_treeids": nodes.tree[nodes.at].tolist(),
        "target_nodeids": nodes.node[nodes.at].tolist(),
        "target_ids": nodes.output.tolist(),
        "target_weights": nodes.weight.astype("f4").tolist(),
    }
