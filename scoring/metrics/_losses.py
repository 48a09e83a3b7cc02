"""Losses of single objects that several metrics average."""

from __future__ import annotations

import math
from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

from scoring.snapshot import Snapshot
from scoring.states import losses
from scoring.tree import distances, lineage

__all__ = ["BRIER", "HIERARCHICAL", "HIERARCHY_ALPHA", "KAGGLE_EPSILON", "KAGGLE_LOG", "LOG", "TREE_DISTANCE"]

KAGGLE_EPSILON = 1e-15
HIERARCHY_ALPHA = 0.5


def _log(snapshot: Snapshot) -> NDArray[np.float64]:
    return -np.log(np.maximum(snapshot.true_probability(), snapshot.epsilon))


def _kaggle_log(snapshot: Snapshot) -> NDArray[np.float64]:
    return -np.log(np.clip(snapshot.true_probability(), KAGGLE_EPSILON, 1 - KAGGLE_EPSILON))


def _brier(snapshot: Snapshot) -> NDArray[np.float64]:
    squares = np.einsum("nc,nc->n", snapshot.probability, snapshot.probability)
    p = snapshot.true_probability()
    return np.maximum(squares - p * p, 0.0) + (1.0 - p) ** 2


LOG = losses("log", _log, high=-math.log(1e-6))
KAGGLE_LOG = losses("kaggle_log", _kaggle_log, high=-math.log(KAGGLE_EPSILON))
BRIER = losses("brier", _brier, high=2.0)


@lru_cache(maxsize=64)
def _paths(truth: tuple[int, ...]) -> tuple[tuple[int, ...], NDArray[np.int64]]:
    """Nodes on the way to any true class, and i8[T, L] which of them each class passes, -1 beyond."""
    lines = [lineage(c) for c in truth]
    nodes = tuple(sorted({n for line in lines for n in line}))
    deepest = max((len(line) for line in lines), default=0)
    path = np.full((len(truth), deepest), -1, np.int64)
    for t, line in enumerate(lines):
        path[t, : len(line)] = [nodes.index(n) for n in line]
    return nodes, path


@lru_cache(maxsize=64)
def _nodes_of(truth: tuple[int, ...], columns: tuple[int, ...]) -> NDArray[np.int64]:
    """Which nodes each column counts to, i8[C, L], -1 beyond."""
    nodes = _paths(truth)[0]
    found = [[nodes.index(n) for n in lineage(c) if n in nodes] for c in columns]
    deepest = max((len(f) for f in found), default=0)
    return np.array([f + [-1] * (deepest - len(f)) for f in found], np.int64)


@numba.njit(cache=True, nogil=True)
def _masses(probability, nodes_of, out):  # type: ignore[no-untyped-def]
    """Sum the probability in each subtree into f8[n, K], without the threads of a matrix product."""
    for i in range(len(probability)):
        for c in range(probability.shape[1]):
            for k in nodes_of[c]:
                if k >= 0:
                    out[i, k] += probability[i, c]


def _hierarchical(snapshot: Snapshot) -> NDArray[np.float64]:
    nodes, path = _paths(snapshot.layout.truth)
    mass = np.zeros((len(snapshot.true), len(nodes)))
    _masses(snapshot.probability, _nodes_of(snapshot.layout.truth, snapshot.layout.columns), mass)
    row = np.arange(len(snapshot.true))
    above, loss = np.ones(len(row)), np.zeros(len(row))
    for level in range(path.shape[1]):
        node = path[snapshot.true, level]
        below = mass[row, node]
        conditional = np.divide(below, above, out=np.zeros(len(row)), where=above > 0)
        part = -np.exp(-HIERARCHY_ALPHA * level) * np.log(np.clip(conditional, snapshot.epsilon, 1.0))
        loss += np.where(node >= 0, part, 0.0)
        above = below
    return loss


def _tree_distance(snapshot: Snapshot) -> NDArray[np.float64]:
    edges = distances(snapshot.layout).astype(float)
    stated = np.einsum("nc,nc->n", snapshot.probability, edges[snapshot.true, :-1])
    # Mass that is nowhere (no answer under the policy "worst") is as far as the virtual root.
    return stated + np.maximum(1 - snapshot.probability.sum(1), 0.0) * edges[snapshot.true, -1]


HIERARCHICAL = losses("hierarchical_log", _hierarchical, high=-2.5 * math.log(1e-6))
TREE_DISTANCE = losses("tree_distance", _tree_distance, high=8.0)
