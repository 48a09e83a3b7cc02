"""What a metric is, and the metrics of given names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scoring.registries import METRICS
from scoring.states import State, Statistics

__all__ = ["CORE", "METRICS", "Metric", "chosen", "ratio"]

CORE = (
    "accuracy",
    "balanced_accuracy",
    "brier",
    "completeness",
    "ece",
    "f1",
    "log_loss",
    "macro_f1",
    "macro_f1_level_1",
    "macro_f1_level_2",
    "macro_log_loss",
    "mcc",
    "plasticc_log_loss",
    "precision",
    "recall",
    "skill",
    "weighted_f1",
)
"""What is scored where nothing else is asked for: all that rests on counts and sums of losses.

Left to "all" are rankings, class-wise calibration, held-out thresholds, the hierarchy but for its
levels, and whole histories, which cost more than everything here together.
"""


@dataclass(frozen=True)
class Metric:
    """One number, or one a class, from the statistics of a state.

    version: raised whenever a change moves any value. title: what a table's head says.
    direction: which way is better. low, high: the range. per_class: one value a true class.
    value: f8[...] or f8[..., T] for statistics with any leading axes; NaN where undefined.
    undefined: what is missing where it is NaN. answered_only: objects without an answer are no part
    of it, and `n` does not count them. history: of all answers to an object, at the last point alone.
    successes: of a proportion of a fixed number of objects, how many of how many: its interval is the
    exact one of Clopper & Pearson 1934, for a resample of three right objects is three right ones.
    """

    version: int
    title: str
    direction: Literal["higher", "lower"]
    low: float
    high: float
    state: State
    value: Callable[[Statistics], NDArray[np.float64]]
    undefined: str
    per_class: bool = False
    answered_only: bool = False
    history: bool = False
    successes: Callable[[Statistics], tuple[NDArray, NDArray]] | None = None


def chosen(names: Sequence[str]) -> dict[str, Metric]:
    """The metrics of the given names, of CORE for "core", all for "all". UnknownName with a hint."""
    if isinstance(names, str):
        names = {"core": CORE, "all": sorted(METRICS)}.get(names, (names,))
    return {name: METRICS[name] for name in names}


def ratio(above: NDArray, below: NDArray) -> NDArray[np.float64]:
    """above / below, NaN where below is 0: undefined is never 0."""
    above, below = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    out = np.full(above.shape, np.nan)
    np.divide(above, below, out=out, where=below != 0)
    return out
