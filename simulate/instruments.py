"""The cameras that can be simulated: passbands, site, field of view, saturation, detector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from brokerbench.errors import ConfigError, UnknownName, did_you_mean
from simulate.photometry import Passband, Passbands, lsst

__all__ = ["INSTRUMENTS", "Instrument", "instrument"]


@dataclass(frozen=True)
class Instrument:
    """A telescope and its camera.

    bands: all of them. passbands(bands) -> Passbands. saturation: mag of a point source in a usual
    exposure. zero_point: mag of 1 e-/s at airmass 0; extinction: mag/airmass. pixel [arcsec],
    read_noise [e-]. field_radius: of a circle of the camera's area [deg]. exposure: usual [s].
    """

    bands: tuple[str, ...]
    passbands: Callable[[tuple[str, ...]], Passbands]
    saturation: dict[str, float]
    zero_point: dict[str, float]
    extinction: dict[str, float]
    pixel: float
    read_noise: float
    field_radius: float
    exposure: float
    reference: str


# transmission of ZTF's filters with the camera: wavelength [A], relative transmission. Straight lines
# between the half-power points; effective wavelengths within 10 A of the measured curves.
_ZTF = {
    "g": ([4098, 4145, 4203, 4800, 5447, 5467, 5513], [0.0, 0.5, 0.9, 0.99, 0.91, 0.5, 0.0]),
    "r": ([5607, 5652, 5712, 6000, 6600, 7102, 7206, 7292], [0.0, 0.5, 0.9, 0.99, 0.96, 0.9, 0.5, 0.0]),
    "i": (
        [7060, 7214, 7262, 7350, 7704, 8248, 8672, 8772, 8828],
        [0.0, 0.5, 0.9, 0.99, 0.9, 0.7, 0.5, 0.1, 0.0],
    ),
}


@lru_cache(maxsize=4)
def ztf(bands: tuple[str, ...] = ("g", "r", "i")) -> Passbands:
    """ZTF passbands as straight lines (Bellm et al. 2019 fig. 5); within 2 % of the measured colours."""
    loaded = []
    for band in bands:
        if band not in _ZTF:
            raise ConfigError(f"survey.bands: expected ZTF bands, got {band!r}; {did_you_mean(band, _ZTF)}")
        wave, through = (np.array(column, "f8") for column in _ZTF[band])
        fine = np.arange(wave[0], wave[-1], 2.5)
        loaded.append(Passband.sampled(band, fine, np.interp(fine, wave, through)))
    return Passbands(tuple(loaded))


INSTRUMENTS = {
    "lsst": Instrument(
        bands=("u", "g", "r", "i", "z", "y"),
        passbands=lsst,
        saturation={"u": 14.7, "g": 15.7, "r": 15.8, "i": 15.8, "z": 15.3, "y": 13.9},
        zero_point={"u": 26.524, "g": 28.508, "r": 28.361, "i": 28.171, "z": 27.782, "y": 26.818},
        extinction={"u": 0.458, "g": 0.208, "r": 0.122, "i": 0.074, "z": 0.057, "y": 0.095},
        pixel=0.2,
        read_noise=8.8,
        field_radius=1.75,
        exposure=30.0,
        reference="saturation: LSST Science Book 2009; zero points of the 2023 throughputs (Rubin SMTN-002)",
    ),
    "ztf": Instrument(
        bands=("g", "r", "i"),
        passbands=ztf,
        saturation={"g": 12.5, "r": 12.5, "i": 12.2},
        zero_point={"g": 24.7, "r": 24.8, "i": 24.0},
        extinction={"g": 0.21, "r": 0.12, "i": 0.08},
        pixel=1.01,
        read_noise=10.0,
        field_radius=3.87,
        exposure=30.0,
        reference="Bellm et al. 2019, Dekany et al. 2020; a circle of 47 deg2",
    ),
}


def instrument(name: str) -> Instrument:
    """An instrument by its name. Raises UnknownName."""
    if name not in INSTRUMENTS:
        raise UnknownName(
            f"survey.instrument: expected an instrument, got {name!r}; {did_you_mean(name, INSTRUMENTS)}"
        )
    return INSTRUMENTS[name]
