"""Flares of M dwarfs: Davenport's template at 10^4 K on a cool star of the thin disk."""

import numpy as np

from simulate.draws import log_normal, truncated_normal
from simulate.outbursts import Flares, flaring_light
from simulate.rates import PerArea
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.thermal import blackbody_flux

WAVE = np.array([3700.0, 4770.0, 6190.0, 7540.0, 8670.0, 9740.0])
RED = np.array([8.11, 8.98, 9.81, 10.77, 11.89, 13.54, 14.60])
"""Absolute r of M0 to M6: 5.025 + 4.548 x + 0.4175 x^2 - 0.18315 x^3, x = r - i (Bochanski et al. 2010)."""
COLOURS = np.array(
    [
        [2.50, 2.52, 2.55, 2.58, 2.63, 2.70, 2.75],  # u - g
        [1.37, 1.43, 1.46, 1.49, 1.52, 1.58, 1.62],  # g - r
        [0.65, 0.83, 1.00, 1.20, 1.44, 1.81, 2.07],  # r - i
        [0.38, 0.47, 0.56, 0.66, 0.79, 0.99, 1.13],  # i - z
        [0.18, 0.22, 0.26, 0.31, 0.38, 0.50, 0.58],  # z - y
    ]
)
"""Of M0 to M6 (Covey et al. 2007, West et al. 2011; z - y after the models of Allard et al. 2012)."""
DENSITY = np.array([1.8, 2.6, 4.0, 6.5, 7.0, 3.5, 2.0])
"""Stars by subtype in a volume, 1e-3 pc^-3 (Bochanski et al. 2010)."""
ACTIVE = np.array([0.03, 0.04, 0.05, 0.1, 0.3, 0.6, 0.7])
"""Share of them that is magnetically active, within 100 pc of the plane (West et al. 2011)."""
HEIGHT = 300.0  # pc; scale height of the thin disk (Bochanski et al. 2010)
FARTHEST = 3000.0  # pc
RATE, INDEX = 0.3, 1.07
"""Flares above 1e32 erg a day, as GJ 1243 has (Hawley et al. 2014); N(>E) ~ E^-1.07 (Yang et al. 2017)."""
FLARE = 1.0e4  # K


def absolute(subtype: Array) -> Array:
    """Absolute AB magnitudes f8[n, 6] in ugrizy of quiet stars; subtype 0 for M0 to 6 for M6."""
    red = np.interp(subtype, np.arange(7), RED)
    ug, gr, ri, iz, zy = (np.interp(subtype, np.arange(7), colour) for colour in COLOURS)
    return np.stack([red + gr + ug, red + gr, red, red - ri, red - ri - iz, red - ri - iz - zy], axis=1)


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    """Active stars, whose flares are those that are seen: subtypes and distances of the thin disk."""
    n = len(place)
    share = np.cumsum(DENSITY * ACTIVE)
    subtype = np.searchsorted(share / share[-1], rng.random(n)) + rng.random(n) - 0.5
    # along a line of sight at galactic latitude b: d^2 exp(-d sin b / HEIGHT)
    latitude = rng.uniform(0.25, 1.0, n)  # sin b; the survey keeps off the plane
    distance = np.minimum(rng.gamma(3.0, HEIGHT / latitude), FARTHEST)
    return {
        "subtype": np.clip(subtype, 0.0, 6.0),
        "distance": np.maximum(distance, 5.0),
        "rate": log_normal(rng, n, median=RATE, dex=0.4, limits=(0.01, 10.0)),
        "least": np.full(n, 32.0),
        "index": truncated_normal(rng, n, mean=INDEX, sigma=0.15, limits=(0.5, 1.4)),
        "path": rng.integers(0, 1 << 52, n).astype("f8"),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    modulus = 5 * np.log10(np.maximum(p["distance"], 5.0) / 10)
    table = absolute(p["subtype"])
    effective = scene.passbands.effective
    at = np.clip(np.interp(effective, WAVE, np.arange(6.0)), 0, 5 - 1e-9)
    low, between = at.astype(int), at % 1
    quiet = table[:, low] * (1 - between) + table[:, low + 1] * between + modulus[:, None]
    flares = Flares(
        path=p["path"],
        rate=p["rate"],
        least=p["least"],
        index=p["index"],
        quiet=quiet,
        # nJy of a flare of 1e30 erg/s at the star's distance
        bright=10 ** (-0.4 * modulus)[:, None] * blackbody_flux(scene.passbands, FLARE, luminosity=1e30),
    )
    return flaring_light(flares, scene)


SOURCE = Source(
    label="Variable/Non-Recurring/Fast/M-dwarf Flare",
    class_id=2233,
    population=PerArea(500.0),
    parameters={
        "subtype": Parameter("", "0 for M0 to 6 for M6"),
        "distance": Parameter("pc", "distance"),
        "rate": Parameter("1/d", "flares above the least energy"),
        "least": Parameter("dex(erg)", "least energy of a flare, bolometric"),
        "index": Parameter("", "N(>E) ~ E^-index"),
        "path": Parameter("", "number that its flares follow from"),
    },
    draw=draw,
    light=light,
    reference=(
        "stars: Bochanski et al. 2010, West et al. 2011, Covey et al. 2007; template: Davenport et al. 2014; "
        "flares: Hawley et al. 2014, Yang et al. 2017; 10^4 K: Kowalski et al. 2013"
    ),
)
