"""Photometric errors and the noise drawn from them."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["GAMMA", "depth_error", "measure"]

Array = NDArray[np.float64]

GAMMA = 0.039
"""Sky and read-noise parameter of LSST's error model in g, r, i, z, y (0.038 in u)."""


def depth_error(total: Array, depth: Array) -> Array:
    """Flux errors f8[R] nJy: sigma^2 = (0.04 - g) F F5 + g F5^2, g = `GAMMA`.

    total: f8[R] nJy, all light of the source, values below 0 count as 0. depth: f8[R] nJy, the flux
    F5 at the 5-sigma depth. Ivezic et al. 2019 eq. 5, in flux; sigma = F5 / 5 at F = F5.
    """
    return np.sqrt((0.04 - GAMMA) * np.maximum(total, 0.0) * depth + GAMMA * depth * depth)


@numba.njit(cache=True, nogil=True)
def measure(difference, total, depth, normal, threshold, flux, flux_err, detected):  # type: ignore[no-untyped-def]
    """Fill flux, flux_err f4[R] nJy and detected bool[R] from true fluxes and unit normals.

    difference, total: f4[R] nJy, what the difference image holds, and all light of the source (its
    Poisson noise stays when the template is subtracted). depth: f4[R] nJy. normal: f4[R].
    A difference that is NaN (no model) stays NaN and is not detected.
    """
    for i in range(difference.size):
        f5 = np.float64(depth[i])
        error = np.sqrt((0.04 - GAMMA) * max(np.float64(total[i]), 0.0) * f5 + GAMMA * f5 * f5)
        if np.isnan(difference[i]):
            error = np.sqrt(GAMMA) * f5
        seen = np.float64(difference[i]) + error * normal[i]
        flux[i] = seen
        flux_err[i] = error
        detected[i] = abs(seen) > threshold * error
