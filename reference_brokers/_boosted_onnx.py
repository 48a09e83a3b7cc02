"""scikit-learn's histogram gradient boosting as ONNX.

skl2onnx 1.20 fails on the multiclass case, so the trees are written node by node as one
TreeEnsembleRegressor of the ONNX-ML operators, with a Softmax after it. A missing value goes where the
tree has learnt to send it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["boosted_as_onnx", "largest_f4"]

IR_VERSION = 8
OPSETS = (("", 17), ("ai.onnx.ml", 3))


def largest_f4(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest f4 not above each f8: x <= value and x <= it are then the same for every f4 x."""
    rounded = values.astype("f4")
    return np.where(rounded > values, np.nextafter(rounded, np.float32(-np.inf)), rounded).astype("f4")


def boosted_as_onnx(model: Any, n_features: int) -> bytes:
    """A fitted HistGradientBoostingClassifier as the bytes of an ONNX file.

    Input "features" f4[n, F], NaN allowed; output "probabilities" f4[n, C].
    """
    from onnx import TensorProto, helper

    n_classes = len(model.classes_)
    attributes = _tree_attributes(model, n_classes)
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor", ["features"], ["scores"], domain="ai.onnx.ml", **attributes
        ),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, n_features])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, n_classes])]
    graph = helper.make_graph(nodes, "boosted", inputs, outputs)
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="brokerbench")
    return made.SerializeToString()


def _tree_attributes(model: Any, n_classes: int) -> dict[str, Any]:
    """Attributes of the operator: all nodes of all trees, end to end."""
    trees = [(k, tree.nodes) for stage in model._predictors for k, tree in enumerate(stage)]
    counts = [len(nodes) for _, nodes in trees]
    nodes = np.concatenate([nodes for _, nodes in trees])
    tree_id = np.repeat(np.arange(len(trees)), counts)
    node_id = np.concatenate([np.arange(c) for c in counts])
    # two classes have one score, that of the second against 0 of the first: softmax makes it a sigmoid
    target = np.repeat([k if n_classes > 2 else 1 for k, _ in trees], counts)
    leaf = nodes["is_leaf"].astype(bool)
    base = np.ravel(model._baseline_prediction)
    return {
        "n_targets": n_classes,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "base_values": (base if n_classes > 2 else np.array([0.0, base[0]])).tolist(),
        "nodes_treeids": tree_id.tolist(),
        "nodes_nodeids": node_id.tolist(),
        "nodes_featureids": np.where(leaf, 0, nodes["feature_idx"]).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values": largest_f4(np.where(leaf, 0.0, nodes["num_threshold"])).tolist(),
        "nodes_truenodeids": np.where(leaf, 0, nodes["left"]).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, nodes["right"]).tolist(),
        "nodes_missing_value_tracks_true": np.where(leaf, 0, nodes["missing_go_to_left"]).tolist(),
        "target_treeids": tree_id[leaf].tolist(),
        "target_nodeids": node_id[leaf].tolist(),
        "target_ids": target[leaf].tolist(),
        "target_weights": nodes["value"][leaf].astype("f4").tolist(),
    }
