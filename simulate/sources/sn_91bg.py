"""Type Ia supernovae like SN 1991bg: faint, fast, red, with the titanium trough."""

import numpy as np

from simulate.draws import truncated_normal
from simulate.rates import PerVolumeYear, power_law
from simulate.source import Array, Generator, Place, Source
from simulate.warped import PARAMETERS, WarpedIa


def shape(rng: Generator, place: Place) -> dict[str, Array]:
    """Slower ones are bluer and brighter (Gonzalez-Gaitan et al. 2014; correlation -0.66 as ELAsTiCC)."""
    n = len(place)
    width = truncated_normal(rng, n, mean=0.0, sigma=1.0, limits=(-2.5, 2.5))
    other = rng.standard_normal(n)
    stretch = 0.72 + 0.06 * width
    colour = np.clip(0.45 + 0.15 * (-0.66 * width + 0.75 * other), 0.0, 1.0)
    return {
        "stretch": stretch,
        "c": colour,
        "absolute": -18.6 - 2.5 * (stretch - 0.72) + 2.7 * colour + 0.2 * rng.standard_normal(n),
    }


def warp(phases: Array, wave: Array) -> Array:
    """Ti II between 4000 and 4400 A, deepest after maximum, and no second bump in the near infrared."""
    depth = 0.45 / (1 + np.exp(-(phases + 8) / 4))
    trough = 1 - depth * np.exp(-0.5 * ((wave - 4200) / 170) ** 2)
    bump = 1 - 0.35 * np.exp(-0.5 * ((phases - 30) / 12) ** 2) / (1 + np.exp(-(wave - 6900) / 300))
    return trough * bump


MODEL = WarpedIa(shape=shape, warp=warp, colours=(0.0, 1.0), z_max=1.2)

SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/91bg",
    class_id=2226,
    population=PerVolumeYear(power_law(3.0e-6, 1.5)),
    redshift=(0.011, 1.2),
    active=(40.0, 80.0),
    hosts="passive",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    reference="Taubenberger 2017; spectra: Hsiao et al. 2007; rate: Kessler et al. 2019",
)
