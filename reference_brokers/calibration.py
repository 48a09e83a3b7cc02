"""Probabilities that mean what they say: temperature scaling on objects that were kept apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from reference_brokers.sample import Sample, uniform

__all__ = ["FLOOR", "fit_temperature", "held_out", "tempered"]

FLOOR = 1e-4
"""Least probability of a class: a classifier that says 0 says that it cannot be wrong."""

RANGE = (0.2, 5.0)


def tempered(probability: NDArray[np.floating], temperature: float) -> NDArray[np.float32]:
    """Probabilities f4[n, C] raised to 1 / temperature, with a floor; rows sum to 1.

    The order of the classes stays as it was. Guo et al. 2017 (arXiv 1706.04599), written for
    probabilities instead of scores.
    """
    logs = np.log(np.maximum(probability, FLOOR)) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    scaled = powers / powers.sum(axis=1, keepdims=True)
    n_classes = probability.shape[1]
    floored = FLOOR + (1 - n_classes * FLOOR) * scaled
    return (floored / floored.sum(axis=1, keepdims=True)).astype("f4")


def fit_temperature(probability: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    """The temperature that makes the log loss least, between 0.2 and 5.

    probability: [n, C]; truth: column i8[n] of the true class.
    """
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        given = tempered(probability, float(np.exp(log_temperature)))[rows, truth]
        return float(-np.log(given).mean())

    found = minimize_scalar(loss, bounds=tuple(np.log(RANGE)), method="bounded", options={"xatol": 1e-3})
    return round(float(np.exp(found.x)), 4)


def held_out(sample: Sample, seed: int, *, share: float = 0.2) -> NDArray[np.bool_]:
    """Rows bool[m] of objects kept apart to calibrate on, about `share` of them, whole objects each.

    None where a class would be left without rows on either side: there is too little to calibrate on.
    """
    apart = uniform(seed, "held out", sample.object_id) < share
    both = set(sample.class_id[apart].tolist()) == set(sample.class_id[~apart].tolist())
    return apart if both else np.zeros(len(apart), bool)
