"""Stars as backgrounds and hosts of variability: how bright, how red."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulate.draws import power_law
from simulate.source import Array, Generator

__all__ = ["NJY_AT_ZERO", "apparent", "blackbody_colours", "nanojansky"]

NJY_AT_ZERO = 10 ** (0.4 * 31.4)


def apparent(rng: Generator, n: int, *, slope: float, limits: tuple[float, float]) -> Array:
    """Apparent magnitudes f8[n] with counts that grow as 10^(slope m) within limits."""
    low, high = (10 ** (slope * m) for m in limits)
    if slope == 0:
        return limits[0] + rng.random(n) * (limits[1] - limits[0])
    return np.log10(power_law(rng, n, index=0.0, limits=(low, high))) / slope


def blackbody_colours(effective: Array, temperature: Array, *, reference: float) -> Array:
    """Magnitudes f8[n, b] against the band at wavelength `reference` [A], for blackbodies f8[n] K."""

    def log_flux(wave: Array) -> Array:
        x = np.minimum(1.438777e8 / (wave * temperature[:, None]), 500.0)
        return -3 * np.log(wave) - np.log(np.expm1(x))  # f_nu

    return -2.5 / np.log(10) * (log_flux(effective) - log_flux(np.array([reference])))


def nanojansky(magnitude: Array) -> NDArray[np.float32]:
    """Fluxes f4 nJy of AB magnitudes."""
    return (NJY_AT_ZERO * 10 ** (-0.4 * np.asarray(magnitude))).astype("f4")
