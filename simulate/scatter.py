"""Intrinsic scatter of SN Ia that changes with wavelength, the same for an object at all times."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from brokerbench.kernels import source_stamp
from simulate.outbursts import _uniform
from simulate.photometry import Passbands

__all__ = ["chromatic_scatter"]

Array = NDArray[np.float64]

# Nodes [A] and widths [mag] after the broadband dispersion of SALT2 residuals (Guy et al. 2010 fig. 8)
WAVE = np.array([2000.0, 2800.0, 3600.0, 4400.0, 5200.0, 6000.0, 7000.0, 8200.0, 9600.0, 11500.0])
WIDTH = np.array([0.20, 0.12, 0.065, 0.035, 0.022, 0.022, 0.030, 0.045, 0.055, 0.060])

_SOURCE = source_stamp("simulate.outbursts")


def chromatic_scatter(path: Array, passbands: Passbands, z: Array) -> Array:
    """Magnitudes f8[n, b] by which objects are fainter in each band.

    path: f8[n], whole numbers; an object's scatter follows from its own by hashing, so that it is the
    same at any call and for any survey. Independent Gaussians at the nodes, joined by half sine waves
    (the smearing model of Kessler et al. 2013 sec. 3.2), taken at the band's rest-frame wavelength.
    """
    nodes = ndtri(np.clip(_numbers(np.asarray(path, "f8"), len(WAVE)), 1e-9, 1 - 1e-9)) * WIDTH
    rest = np.clip(passbands.effective / (1 + z[:, None]), WAVE[0], WAVE[-1])
    low = np.clip(np.searchsorted(WAVE, rest, side="right") - 1, 0, len(WAVE) - 2)
    share = (rest - WAVE[low]) / (WAVE[low + 1] - WAVE[low])
    share = 0.5 - 0.5 * np.cos(np.pi * share)
    row = np.arange(len(z))[:, None]
    return nodes[row, low] * (1 - share) + nodes[row, low + 1] * share


@numba.njit(cache=True, nogil=True)
def _numbers(path, count, source=_SOURCE):  # type: ignore[no-untyped-def]
    out = np.empty((path.size, count))
    for k in range(path.size):
        for j in range(count):
            out[k, j] = _uniform(path[k], 7, j)
    return out
