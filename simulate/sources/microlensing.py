"""Microlensing by a single star: the curve of Paczynski on a blended background star."""

import numpy as np

from simulate.draws import log_normal
from simulate.rates import PerArea
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.stars import apparent, blackbody_colours, nanojansky


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return {
        "u0": 1.1 * rng.random(n),
        "einstein": log_normal(rng, n, median=25.0, dex=0.35, limits=(2.0, 400.0)),
        "share": np.clip(rng.beta(2.5, 1.2, n), 0.05, 1.0),
        "mag_r": apparent(rng, n, slope=0.25, limits=(16.5, 24.0)),
        "temperature": log_normal(rng, n, median=5200.0, dex=0.08, limits=(3300.0, 9500.0)),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    """Magnification (u^2 + 2) / (u sqrt(u^2 + 4)) of the share that is lensed (Paczynski 1986)."""
    p = parameters
    row = scene.row
    x = (scene.mjd - scene.t0[row]) / p["einstein"][row]
    u2 = x * x + (p["u0"] ** 2 + 1e-8)[row]
    magnified = (u2 + 2) / np.sqrt(u2 * (u2 + 4))
    colours = blackbody_colours(scene.passbands.effective, p["temperature"], reference=6190.0)
    quiet = nanojansky(p["mag_r"][:, None] + colours)
    flux = quiet[row, scene.band] * (1 + p["share"][row] * (magnified - 1))
    return Light(flux.astype("f4"), quiet)


SOURCE = Source(
    label="Variable/Non-Recurring/Fast/uLens/Single",
    class_id=2235,
    population=PerArea(0.14),
    active=(60.0, 60.0),
    parameters={
        "u0": Parameter("", "least separation, in Einstein radii"),
        "einstein": Parameter("d", "Einstein crossing time"),
        "share": Parameter("", "share of the light that is lensed"),
        "mag_r": Parameter("mag", "r of source and blend, without Galactic dust"),
        "temperature": Parameter("K", "of the source"),
    },
    draw=draw,
    light=light,
    reference="Paczynski 1986; times: Mroz et al. 2019",
)
