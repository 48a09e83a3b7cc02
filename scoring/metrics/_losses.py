"""Losses of single objects that several metrics average."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scoring.snapshot import Snapshot
from scoring.states import losses
from scoring.tree import distances, lineage, subtree_masks

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


def _hierarchical(snapshot: Snapshot) -> NDArray[np.float64]:
    layout = snapshot.layout
    loss = np.zeros(len(snapshot.true))
    for t, class_id in enumerate(layout.truth):
        mine = np.flatnonzero(snapshot.true == t)
        path = lineage(class_id)
        if not len(mine) or not path:
            continue
        mass = snapshot.probability[mine] @ subtree_masks(layout, path).T.astype(float)
        above = np.column_stack([np.ones(len(mine)), mass[:, :-1]])
        conditional = np.divide(mass, above, out=np.zeros_like(mass), where=above > 0)
        weight = np.exp(-HIERARCHY_ALPHA * np.arange(len(path)))
        loss[mine] = -np.log(np.clip(conditional, snapshot.epsilon, 1.0)) @ weight
    return loss


def _tree_distance(snapshot: Snapshot) -> NDArray[np.float64]:
    edges = distances(snapshot.layout).astype(float)
    stated = np.einsum("nc,nc->n", snapshot.probability, edges[snapshot.true, :-1])
    # Mass that is nowhere (no answer under the policy "worst") is as far as the virtual root.
    return stated + np.maximum(1 - snapshot.probability.sum(1), 0.0) * edges[snapshot.true, -1]


HIERARCHICAL = losses("hierarchical_log", _hierarchical, high=-2.5 * math.log(1e-6))
TREE_DISTANCE = losses("tree_distance", _tree_distance, high=8.0)
