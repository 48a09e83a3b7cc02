"""Type Ia supernovae like SN 1991T: bright, slow, weak lines before maximum."""

import numpy as np

from simulate.draws import truncated_normal
from simulate.rates import PerVolumeYear, power_law
from simulate.source import Array, Generator, Place, Source
from simulate.warped import PARAMETERS, WarpedIa


def shape(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    stretch = truncated_normal(rng, n, mean=1.10, sigma=0.04, limits=(1.0, 1.22))
    colour = truncated_normal(rng, n, mean=0.02, sigma=0.08, limits=(-0.2, 0.4))
    return {
        "stretch": stretch,
        "c": colour,
        "absolute": -19.75 - 1.4 * (stretch - 1.1) + 3.1 * colour + 0.12 * rng.standard_normal(n),
    }


def warp(phases: Array, wave: Array) -> Array:
    """Calcium H and K and silicon 6150 A filled in before maximum."""
    early = 1 / (1 + np.exp((phases - 2) / 3))
    lines = 0.45 * np.exp(-0.5 * ((wave - 3750) / 80) ** 2) + 0.2 * np.exp(-0.5 * ((wave - 6120) / 80) ** 2)
    return 1 + early * lines


MODEL = WarpedIa(shape=shape, warp=warp, colours=(-0.2, 0.4), z_max=1.65)

SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/Ia/91T",
    class_id=2222,
    population=PerVolumeYear(power_law(1.2e-6, 1.5)),
    redshift=(0.011, 1.65),
    active=(50.0, 100.0),
    hosts="star_forming",
    parameters=PARAMETERS,
    draw=MODEL.draw,
    light=MODEL.light,
    reference="Phillips et al. 2022, Taubenberger 2017; spectra: Hsiao et al. 2007; share: Li et al. 2011",
)
