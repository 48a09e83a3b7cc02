"""Passbands, and the flux in them of blackbodies and of spectral time series.

Everything is band-integrated once into tables over redshift (and temperature, or colour), so that a
light curve costs an interpolation. Fluxes are AB, in nJy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import ConfigError, did_you_mean

__all__ = ["C_ANGSTROM", "NJY", "TEN_PC", "Passband", "Passbands", "lsst"]

Array = NDArray[np.float64]

C_ANGSTROM = 2.99792458e18  # A/s
NJY = 1e32  # nJy in 1 erg/s/cm2/Hz
TEN_PC = 3.0856775814913673e19  # cm
_STEP = 5.0  # A; what sncosmo integrates with, so that its numbers can be compared
_FAINT = 1e-3  # transmission, relative to the largest, below which a passband is cut


@dataclass(frozen=True, eq=False)
class Passband:
    """A filter: weights that turn a spectrum into an AB flux.

    wave: f8[k] A, middles of equal steps. weights: f8[k], flux [nJy] = sum(weights * f_lambda) for
    f_lambda in erg/s/cm2/A (photon counting). effective: mean wavelength of a flat f_nu [A].
    """

    name: str
    wave: Array
    weights: Array
    effective: float

    @classmethod
    def sampled(cls, name: str, wave: Array, transmission: Array) -> Passband:
        """A passband from its photon transmission f8[m] at wavelengths f8[m] A."""
        keep = np.flatnonzero(transmission > _FAINT * transmission.max())
        low, high = wave[keep[0]], wave[keep[-1]]
        count = int(np.ceil((high - low) / _STEP))
        edges = np.linspace(low, high, count + 1)
        middle, step = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
        through = np.interp(middle, wave, transmission)
        norm = C_ANGSTROM * np.sum(through / middle * step)
        effective = float(np.sum(through * step) / np.sum(through / middle * step))
        return cls(name, middle, through * middle * step * NJY / norm, effective)


@dataclass(frozen=True, eq=False)
class Passbands:
    """The filters of a survey, in the order of the run's band list."""

    bands: tuple[Passband, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the filters."""
        return tuple(b.name for b in self.bands)

    @property
    def effective(self) -> Array:
        """Effective wavelengths f8[b] A."""
        return np.array([b.effective for b in self.bands])

    def __len__(self) -> int:
        return len(self.bands)


@lru_cache(maxsize=8)
def lsst(bands: tuple[str, ...] = ("u", "g", "r", "i", "z", "y")) -> Passbands:
    """LSST passbands (lsst2023 of speclite: optics, detectors, standard atmosphere at airmass 1.2)."""
    from speclite import filters  # slow to import, and only needed once

    known = ("u", "g", "r", "i", "z", "y")
    loaded = []
    for band in bands:
        if band not in known:
            raise ConfigError(f"survey.bands: expected LSST bands, got {band!r}; {did_you_mean(band, known)}")
        response = filters.load_filter(f"lsst2023-{band}")
        wave = np.asarray(response.wavelength, "f8")
        loaded.append(Passband.sampled(band, wave, np.asarray(response.response, "f8")))
    return Passbands(tuple(loaded))
