"""Spectral time series that are read from files: Hsiao (in sncosmo's wheel), SALT."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from brokerbench.errors import InputError
from simulate.photometry import C_ANGSTROM, NJY

__all__ = ["Salt", "band_magnitude", "hsiao", "normal_ia", "salt", "salt_colour_law"]

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
    scale = 10 ** (0.4 * band_magnitude(lambda w: spline(0.0, w)[0]))

    def spectra(phases: Array, at: Array) -> Array:
        return scale * np.maximum(spline(phases, at), 0.0)[None]

    return spectra


# AB magnitudes at maximum of SALT3 (salt3-f22) with x1 = c = 0 whose mB, -2.5 log10(x0) + 10.635, is 0
SALT3_PEAK = {"U": 0.388, "B": -0.119, "V": -0.035, "R": 0.181, "I": 0.684}


@lru_cache(maxsize=1)
def normal_ia() -> Spectra:
    """Spectra of `hsiao`, warped to the brightness and colours of SALT3 at maximum, mB = 0.

    The warp, a factor that changes with wavelength and not with time, is a straight line in magnitudes
    between Bessell's bands and constant beyond: -0.06 mag in U, -0.12 in B, -0.19 in V, R and I.
    """
    normal = hsiao()
    nodes = np.array([3650.0, 4400.0, 5450.0, 6450.0, 8000.0])
    goal = np.array(list(SALT3_PEAK.values()))
    warp = np.zeros(len(nodes))

    def spectra(phases: Array, at: Array) -> Array:
        return normal(phases, at) * 10 ** (-0.4 * np.interp(at, nodes, warp))

    for _ in range(6):  # bands overlap: each is moved by what it still lacks
        now = [band_magnitude(lambda w: spectra(np.zeros(1), w)[0, 0], band) for band in SALT3_PEAK]
        warp += goal - now
    return spectra


def band_magnitude(spectrum: Callable[[Array], Array], band: str = "B") -> float:
    """AB magnitude in a Bessell band of a spectrum [erg/s/cm2/A] given as a function of wavelength."""
    from speclite import filters

    response = filters.load_filter(f"bessell-{band}")
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


@dataclass(frozen=True, eq=False)
class Salt:
    """A SALT model: spectra(phases, wave) -> f8[2, p, w] (M0, M1), its colour law and ranges."""

    spectra: Spectra
    colour_law: Callable[[Array], Array]
    phases: tuple[float, float]
    wavelengths: tuple[float, float]


@lru_cache(maxsize=4)
def salt(folder: str) -> Salt:
    """A SALT2 or SALT3 model of the data that sncosmo uses, e.g. "salt3/salt3-f22".

    Read from $SNCOSMO_DATA_DIR/models/FOLDER and from nowhere else: nothing is downloaded. Raises
    InputError where the variable is not set or the folder has no such model.
    """
    import sncosmo

    root = os.environ.get("SNCOSMO_DATA_DIR")
    if not root:
        raise InputError(
            f"SNCOSMO_DATA_DIR: expected the folder of sncosmo's data with models/{folder}, got nothing; "
            "set the variable, or use the class sn_ia, which needs no file"
        )
    place = Path(root) / "models" / folder
    kind = sncosmo.SALT3Source if folder.startswith("salt3") else sncosmo.SALT2Source
    try:
        source = kind(modeldir=str(place))
    except (OSError, ValueError) as error:
        raise InputError(f"{place}: expected the files of a SALT model, got none that can be read") from error

    def spectra(phases: Array, wave: Array) -> Array:
        order = np.argsort(wave)
        inverse = np.argsort(order)
        parts = [source._model[part](phases, wave[order])[:, inverse] for part in ("M0", "M1")]
        return np.stack(parts)

    return Salt(
        spectra,
        source._colorlaw,
        (source.minphase(), source.maxphase()),
        (source.minwave(), source.maxwave()),
    )
