"""Spectral time series that are read from files: Hsiao (in sncosmo's wheel), SALT."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from simulate.photometry import C_ANGSTROM, NJY

__all__ = ["b_band_magnitude", "hsiao", "salt_colour_law"]

Array = NDArray[np.float64]
Spectra = Callable[[Array, Array], Array]


@lru_cache(maxsize=1)
def hsiao() -> Spectra:
    """Spectra of a normal SN Ia, -20 to +85 d and 1000 to 25000 A (Hsiao et al. 2007, version 3).

    spectra(phases f8[p], wave f8[w]) -> f8[1, p, w], B = 0 (AB) at maximum. Read from the copy in
    sncosmo's wheel (5 d x 50 A), interpolated by cubic splines as sncosmo does.
    """
    import sncosmo

    with (files("sncosmo") / "data" / "models" / "Hsiao_SED_V3_subsampled.fits").open("rb") as file:
        phase, wave, flux = sncosmo.io.read_griddata_fits(file)
    spline = RectBivariateSpline(phase, wave, flux, kx=3, ky=3)
    scale = 10 ** (0.4 * b_band_magnitude(lambda w: spline(0.0, w)[0]))

    def spectra(phases: Array, at: Array) -> Array:
        return scale * np.maximum(spline(phases, at), 0.0)[None]

    return spectra


def b_band_magnitude(spectrum: Callable[[Array], Array]) -> float:
    """AB magnitude in Bessell B of a spectrum [erg/s/cm2/A] given as a function of wavelength."""
    from speclite import filters

    response = filters.load_filter("bessell-B")
    wave = np.arange(response.wavelength[0] + 2.5, response.wavelength[-1], 5.0)
    through = np.interp(wave, response.wavelength, response.response)
    norm = C_ANGSTROM * np.sum(through / wave)
    return float(-2.5 * np.log10(np.sum(spectrum(wave) * through * wave) / norm * NJY) + 31.4)


def salt_colour_law(wave: Array) -> Array:
    """Colour law f8[w] of SALT2 (Guy et al. 2007; coefficients of version 2.4, Betoule et al. 2014).

    In sncosmo's sign: flux changes by 10^(-0.4 c law). 0 at 4302.57 A and -1 at 5428.55 A.
    """
    coefficients = (-0.504294, 0.787691, -0.461715, 0.0815619)
    blue, visual, low, high = 4302.57, 5428.55, 2800.0, 7000.0
    x = (np.asarray(wave, "f8") - blue) / (visual - blue)
    x_low, x_high = (low - blue) / (visual - blue), (high - blue) / (visual - blue)
    polynomial = np.polynomial.Polynomial([0.0, 1 - sum(coefficients), *coefficients])
    slope = polynomial.deriv()
    inside = polynomial(np.clip(x, x_low, x_high))
    below = slope(x_low) * np.minimum(x - x_low, 0.0)
    above = slope(x_high) * np.maximum(x - x_high, 0.0)
    return -(inside + below + above)
