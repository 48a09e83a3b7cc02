"""Model folders: what a fitted broker leaves on disk. No pickle: JSON and ONNX alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import ConfigError, InputError
from brokerbench.store import Folder, atomic_write

__all__ = ["check_trees", "class_ids", "onnx_session", "read_model", "unfitted", "write_model"]

FILE = "model.onnx"

TREES = frozenset({"TreeEnsembleRegressor", "Softmax"})
"""Operators that a model may hold."""


def write_model(folder: Path, about: Mapping[str, Any], onnx: bytes | None = None) -> None:
    """Write a model folder, whole or not at all.

    about: what goes into manifest.json (broker, version, classes, ...). onnx: bytes of model.onnx,
    for a broker that has one. Raises InputError where the folder exists.
    """
    begun = Folder.begin(folder, {"kind": "model", **about})
    files = []
    if onnx is not None:
        path = begun.path / FILE
        with atomic_write(path) as file:
            file.write(onnx)
        files.append(path)
    begun.commit("model", files)
    begun.complete()


def read_model(folder: Path, broker: str, version: str) -> tuple[dict[str, Any], bytes | None]:
    """The manifest of a model folder and the bytes of its model.onnx.

    Raises InputError where it is not whole, or is the model of another broker or version.
    """
    opened = Folder.open(folder, kind="model")
    opened.verify()
    manifest = opened.manifest
    got = (manifest.get("broker"), manifest.get("version"))
    if got != (broker, version):
        raise InputError(
            f"{folder}: expected a model of {broker} version {version}, "
            f"got one of {got[0]} version {got[1]}; train it anew"
        )
    path = opened.path / FILE
    return manifest, path.read_bytes() if FILE in manifest["files"] else None


def unfitted(name: str) -> ConfigError:
    """The error of a broker that was asked before it was fitted."""
    return ConfigError(
        f"{name}: expected a fitted model, got none; run 'brokerbench train' and name its model folder"
    )


def class_ids(labels: NDArray[np.int32], n_alerts: int, name: str) -> NDArray[np.int32]:
    """Checked labels i4[n]: one class id an alert, none negative. Raises InputError."""
    ids = np.asarray(labels, dtype=np.int32)
    if ids.shape != (n_alerts,):
        raise InputError(f"{name}.fit: expected {n_alerts} class ids, one an alert, got shape {ids.shape}")
    if ids.size and ids.min() < 0:
        raise InputError(
            f"{name}.fit: expected class ids, got {ids.min()}; leave out objects without a class"
        )
    return ids


def check_trees(onnx: bytes, n_features: int, n_classes: int, where: Path) -> None:
    """Raise InputError unless the model is tree ensembles from n_features to n_classes, and nothing else.

    A model is data from elsewhere: other operators could read files beside it or run for ever.
    """
    from google.protobuf.message import DecodeError
    from onnx import load_from_string

    try:
        graph = load_from_string(onnx).graph
    except (DecodeError, ValueError) as error:
        raise InputError(f"{where}: expected an ONNX model in {FILE}, got other bytes") from error
    operators = {node.op_type for node in graph.node}
    if not operators or operators - TREES or graph.initializer or graph.sparse_initializer:
        raise InputError(
            f"{where}: expected a model of {' and '.join(sorted(TREES))}, got {sorted(operators)}"
        )
    widths = [
        [tuple(d.dim_value for d in v.type.tensor_type.shape.dim)[1:] for v in vs]
        for vs in (graph.input, graph.output)
    ]
    if widths != [[(n_features,)], [(n_classes,)]]:
        raise InputError(f"{where}: expected {n_features} features and {n_classes} classes, got {widths}")


def onnx_session(onnx: bytes) -> Any:
    """An onnxruntime session on one thread: brokers scale over processes, and rates are per core.

    Raises InputError where the bytes are no ONNX model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base
        raise InputError(f"{FILE}: expected an ONNX model, got {str(error).splitlines()[0]}") from error
