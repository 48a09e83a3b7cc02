"""Changing-look nuclei: a damped random walk whose mean moves to another state."""

import numpy as np

from simulate.draws import log_normal, truncated_normal
from simulate.rates import PerVolume
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.sources import agn
from simulate.walks import Drift, walking_light


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    step = truncated_normal(rng, n, mean=1.4, sigma=0.5, limits=(0.7, 3.0))
    return agn.draw(rng, place) | {
        "step": np.where(rng.random(n) < 0.5, step, -step),
        "width": log_normal(rng, n, median=60.0, dex=0.3, limits=(15.0, 300.0)),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    drift = Drift(parameters["step"], scene.t0, parameters["width"] * (1 + scene.z))
    return walking_light(agn.walk(parameters, scene), scene, rng, drift=drift)


def density(z: Array) -> Array:
    """A thousandth of all nuclei at any time (MacLeod et al. 2016)."""
    return 1e-3 * agn.density(z)


SOURCE = Source(
    label="Variable/Recurring/Non-Periodic/AGN/Changing-look",
    class_id=2332,
    population=PerVolume(density),
    redshift=(0.05, 1.5),
    active=(100.0, 100.0),
    hosts="agn",
    parameters=agn.SOURCE.parameters
    | {
        "step": Parameter("mag", "by which the nucleus brightens (> 0) or dims, all bands"),
        "width": Parameter("d", "of the sigmoid, rest frame"),
    },
    draw=draw,
    light=light,
    reference="MacLeod et al. 2016, Graham et al. 2020 (steps and times); walks: MacLeod et al. 2010",
)
