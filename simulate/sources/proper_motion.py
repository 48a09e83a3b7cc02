"""Stars that moved since the template was taken: a dipole in the difference image."""

import numpy as np

from simulate.draws import log_normal, power_law
from simulate.rates import PerArea
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.stars import apparent, blackbody_colours, nanojansky

SEEING = 0.85  # arcsec, full width at half maximum
TEMPLATE = 400.0  # d before the first visit


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return {
        "motion": power_law(rng, n, index=-2.2, limits=(0.06, 3.0)),
        "mag_r": apparent(rng, n, slope=0.2, limits=(16.5, 23.0)),
        "temperature": log_normal(rng, n, median=3800.0, dex=0.08, limits=(2800.0, 8000.0)),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    """The flux that the template misses: F (1 - exp(-d^2 / 4 s^2)) at the new place, d from the old one."""
    p = parameters
    row = scene.row
    first = scene.mjd.min() if len(scene.mjd) else 0.0
    moved = p["motion"][row] * (scene.mjd - first + TEMPLATE) / 365.25
    missed = -np.expm1(-((moved / (2 * SEEING / 2.3548)) ** 2))
    colours = blackbody_colours(scene.passbands.effective, p["temperature"], reference=6190.0)
    star = nanojansky(p["mag_r"][:, None] + colours)
    # all light is there; what the template takes away shrinks as the star leaves its old place
    flux = star[row, scene.band] * (1 + missed)
    return Light(flux.astype("f4"), star)


SOURCE = Source(
    label="Static/Static/Other/High proper motion",
    class_id=1100,
    population=PerArea(20.0),
    parameters={
        "motion": Parameter("arcsec/yr", "proper motion"),
        "mag_r": Parameter("mag", "r without Galactic dust"),
        "temperature": Parameter("K", "effective temperature"),
    },
    draw=draw,
    light=light,
    reference="overlap of two Gaussian images; numbers by proper motion: Lepine & Shara 2005",
)
