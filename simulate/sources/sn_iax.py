"""Type Iax supernovae: weak explosions that leave part of the star, a wide range of brightness."""

import numpy as np

from simulate.draws import power_law
from simulate.rates import PerVolumeYear, madau_dickinson
from simulate.source import Array, Generator, Place, Source
from simulate.warped import PARAMETERS, WarpedIa


def shape(rng: Generator, place: Place) -> dict[str, Array]:
    """Peaks -18.5 to -13.5, faint ones more frequent and faster (Jha 2017; Foley et al. 2013)."""
    n = len(place)
    faint = 5.0 * power_law(rng, n, index=-0.2, limits=(0.04, 1.0))
    return {
        "stretch": np.clip(0.98 - 0.07 * faint + 0.06 * rng.standard_normal(n), 0.45, 1.15),
        "c": np.clip(0.10 + 0.03 * faint + 0.08 * rng.standard_normal(n), -0.15, 0.55),
        "absolute": -18.5 + faint + 0.1 * rng.standard_normal(n),
    }


def warp(phases: Array, wave: Array) -> Array:
    """Blue before maximum, no second bump, more late light: low velocities, little iron-group opacity."""
    early = np.clip(-phases / 12, 0, 1) * np.clip((4500 - wave) / 2000, 0, 1)
    bump = 1 - 0.3 * np.exp(-0.5 * ((phases - 30) / 10) ** 2) / (1 + np.exp(-(wave - 6900) / 300))
    return (1 + 0.6 * early) * bump * (1 + np.clip(phases - 30, 0, 55) / 55)


MODEL = WarpedIa(shape=shape, warp=warp, colours=(-0.16, 0.56), dust=0.5)

SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/Iax",
    class_id=2225,
    population=PerVolumeYear(madau_dickinson(6.0e-6)),
    redshift=(0.011, 1.5),
    active=(40.0, 80.0),
    hosts="iax",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    reference="Jha 2017, Foley et al. 2013; spectra: Hsiao et al. 2007; rate: Kessler et al. 2019",
)
