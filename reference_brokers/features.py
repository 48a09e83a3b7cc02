"""AlertBatch -> feature matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brokerbench.tables import AlertBatch

__all__ = ["FEATURES", "features"]

FEATURES: tuple[str, ...] = ("n_detections",)


def features(batch: AlertBatch) -> NDArray[np.float32]:
    """Features f4[n, F] of n alerts, in the order of FEATURES; NaN where one is not defined."""
    sources = np.concatenate([[0], np.cumsum(~batch.forced)])
    return np.diff(sources[batch.offsets]).astype("f4")[:, None]
