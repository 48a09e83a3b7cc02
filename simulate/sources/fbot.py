"""Fast blue optical transients: a central engine in a tenth of a solar mass (AT2018cow and kin)."""

import numpy as np

from simulate import engines
from simulate.draws import log_normal, truncated_normal
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.thermal import thermal_flux


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return {
        "luminosity": log_normal(rng, n, median=2e44, dex=0.40, limits=(1e43, 2e45)),
        "rise": log_normal(rng, n, median=2.2, dex=0.15, limits=(0.8, 5.0)),
        "index": truncated_normal(rng, n, mean=2.1, sigma=0.3, limits=(1.5, 3.0)),
        "temperature": log_normal(rng, n, median=22000.0, dex=0.10, limits=(12000.0, 40000.0)),
        "cooling": truncated_normal(rng, n, mean=0.58, sigma=0.1, limits=(0.3, 0.9)),
        "a_v": engines.host_extinction(rng, n, scale=0.3),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    at_ten = p["luminosity"] * (3.0 / 10.0) ** p["index"]  # luminosity is that before the decline
    power = engines.decline_power(at_ten, p["index"], end=np.full(len(scene), 150.0), onset=3.0)
    luminosity = engines.diffuse(power, p["rise"])
    sphere = engines.steady_photosphere(luminosity, p["temperature"], index=p["cooling"])
    dimming = engines.host_dimming(scene.passbands, scene.z, p["a_v"])
    return Light(thermal_flux(sphere, scene, dimming=dimming))


SOURCE = Source(
    label="Variable/Non-Recurring/Fast/Fast/Other/FBOT",
    class_id=2231,
    population=PerVolumeYear(core_collapse_s15(0.005)),
    redshift=(0.011, 1.5),
    active=(5.0, 40.0),
    hosts="star_forming",
    parameters={
        "luminosity": Parameter("erg/s", "power of the engine before it declines"),
        "rise": Parameter("d", "diffusion time"),
        "index": Parameter("", "decline of the engine, L ~ t^-index"),
        "temperature": Parameter("K", "of the photosphere at its brightest"),
        "cooling": Parameter("", "radius of the photosphere ~ L^cooling"),
        "a_v": Parameter("mag", "extinction A_V in the host"),
    },
    draw=draw,
    light=light,
    reference="Margutti et al. 2019, Drout et al. 2014, Pursiainen et al. 2018; share: Ho et al. 2023",
)
