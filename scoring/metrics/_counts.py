"""What several metrics read off a confusion matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.states import Statistics

__all__ = ["hits", "mean_of_defined", "named", "support", "two_classes"]


def hits(statistics: Statistics) -> NDArray[np.int64]:
    """Objects of each class that were given it, i8[..., T]."""
    target = statistics.layout.target
    return statistics["cells"][..., np.arange(len(target)), target]


def support(statistics: Statistics) -> NDArray[np.int64]:
    """Objects of each class, answered or not, i8[..., T]."""
    return statistics["cells"].sum(-1)


def named(statistics: Statistics) -> NDArray[np.int64]:
    """Objects that were given each class, i8[..., T]."""
    return statistics["cells"].sum(-2)[..., statistics.layout.target]


def two_classes(statistics: Statistics, value: NDArray[np.float64]) -> NDArray[np.float64]:
    """The value, f8[...], NaN where fewer than two classes have objects: nothing was told apart."""
    return np.where((support(statistics) > 0).sum(-1) >= 2, value, np.nan)


def mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis of what is not NaN, f8[...]; NaN where nothing is."""
    defined = ~np.isnan(values)
    total = np.where(defined, values, 0.0).sum(-1)
    n = defined.sum(-1)
    out = np.full(np.shape(total), np.nan)
    np.divide(total, n, out=out, where=n > 0)
    return out
