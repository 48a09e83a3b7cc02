"""Flares of M dwarfs: Davenport's template at 10^4 K on a cool star."""

import numpy as np

from simulate.draws import log_normal, truncated_normal
from simulate.outbursts import Flares, flaring_light
from simulate.rates import PerArea
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.thermal import blackbody_flux

WAVE = np.array([3700.0, 4770.0, 6190.0, 7540.0, 8670.0, 9740.0])
EARLY = np.array([11.9, 9.3, 7.9, 7.0, 6.6, 6.4])  # absolute AB magnitudes of M0
LATE = np.array([19.5, 16.8, 15.3, 13.0, 11.9, 11.2])  # and of M5.5
FLARE = 1.0e4  # K


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    """Subtypes M0 to M5.5; later ones flare more often, with less energy (Hawley et al. 2014)."""
    n = len(place)
    subtype = truncated_normal(rng, n, mean=0.6, sigma=0.25, limits=(0.0, 1.0))
    return {
        "subtype": subtype,
        "distance": 1200.0 * rng.random(n) ** (1 / 2.2),
        "rate": log_normal(rng, n, median=0.5, dex=0.5, limits=(0.01, 10.0)),
        "least": 32.2 - 0.9 * subtype,
        "index": truncated_normal(rng, n, mean=0.85, sigma=0.15, limits=(0.5, 1.3)),
        "path": rng.integers(0, 1 << 52, n).astype("f8"),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    effective = scene.passbands.effective
    modulus = 5 * np.log10(np.maximum(p["distance"], 10.0) / 10)
    early, late = np.interp(effective, WAVE, EARLY), np.interp(effective, WAVE, LATE)
    quiet = early + p["subtype"][:, None] * (late - early) + modulus[:, None]
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
        "subtype": Parameter("", "0 for M0, 1 for M5.5"),
        "distance": Parameter("pc", "distance"),
        "rate": Parameter("1/d", "flares above the least energy"),
        "least": Parameter("dex(erg)", "least energy of a flare, bolometric"),
        "index": Parameter("", "N(>E) ~ E^-index"),
        "path": Parameter("", "number that its flares follow from"),
    },
    draw=draw,
    light=light,
    reference="template: Davenport et al. 2014; energies: Hawley et al. 2014; 10^4 K: Kowalski et al. 2013",
)
