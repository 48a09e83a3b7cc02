"""Blazars: red, fast and strong random walks of a jet that points at us."""

import numpy as np

from simulate.draws import log_normal, truncated_normal
from simulate.rates import PerVolume
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.walks import Walk, walking_light


def density(z: Array) -> Array:
    """Flat-spectrum radio quasars and BL Lacs, evolving to z = 1.5 (Ajello et al. 2012, 2014)."""
    return 1.5e-8 * (1 + np.minimum(z, 1.5)) ** 4 * 10 ** (-0.5 * np.maximum(z - 1.5, 0))


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return {
        "magnitude": truncated_normal(rng, n, mean=-25.0, sigma=1.2, limits=(-29.0, -21.5)),
        "sigma": log_normal(rng, n, median=0.35, dex=0.15, limits=(0.12, 0.9)),
        "tau": log_normal(rng, n, median=50.0, dex=0.35, limits=(5.0, 500.0)),
        "slope": truncated_normal(rng, n, mean=-1.2, sigma=0.3, limits=(-2.2, -0.3)),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    slow = 1 + scene.z
    effective = scene.passbands.effective
    mag_i = p["magnitude"] + scene.distance_modulus - 2.5 * (1 + p["slope"]) * np.log10(slow)
    mean = mag_i[:, None] - 2.5 * p["slope"][:, None] * np.log10(7540 / effective)
    sigma = p["sigma"][:, None] * (effective / 6200) ** -0.15  # bluer when brighter
    return walking_light(Walk(mean=mean, sigma=sigma, tau=p["tau"] * slow), scene, rng)


SOURCE = Source(
    label="Variable/Recurring/Non-Periodic/AGN/Blazar",
    class_id=2332,
    population=PerVolume(density),
    redshift=(0.03, 2.5),
    hosts="agn",
    parameters={
        "magnitude": Parameter("mag", "mean absolute magnitude in i"),
        "sigma": Parameter("mag", "rms of the walk at 6200 A"),
        "tau": Parameter("d", "damping time, rest frame"),
        "slope": Parameter("", "spectral slope, f_nu ~ nu^slope"),
    },
    draw=draw,
    light=light,
    reference="Ruan et al. 2012 (sigma, tau), Ajello et al. 2012, 2014 (numbers)",
)
