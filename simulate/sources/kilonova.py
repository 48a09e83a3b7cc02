"""Kilonovae of neutron-star mergers: lanthanide-poor (blue) and lanthanide-rich (red) ejecta."""

import numpy as np

from simulate import engines
from simulate.draws import log_normal, truncated_normal
from simulate.rates import PerVolumeYear, power_law
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.thermal import days_grid, thermal_flux

FLOOR = {
    "blue": 3983.0,
    "red": 1151.0,
}  # K; with the medians below the best fit of two components to AT2017gfo


def heating(mass: Array) -> Array:
    """Power f8[n, p] of r-process decay that thermalises (Villar et al. 2017 eq. 1-2)."""
    days = days_grid()
    decay = 4e18 * (0.5 - np.arctan((days * engines.DAY - 1.3) / 0.11) / np.pi) ** 1.3
    a, b, d = 0.56, 0.17, 0.74
    leak = 2 * b * days**d
    thermal = 0.36 * (np.exp(-a * days) + np.log1p(leak) / leak)
    return mass[:, None] * engines.M_SUN * decay * thermal


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return {
        "mass_blue": log_normal(rng, n, median=0.023, dex=0.25, limits=(0.002, 0.08)),
        "mass_red": log_normal(rng, n, median=0.050, dex=0.25, limits=(0.005, 0.15)),
        "velocity_blue": truncated_normal(rng, n, mean=0.256, sigma=0.04, limits=(0.15, 0.35)),
        "velocity_red": truncated_normal(rng, n, mean=0.149, sigma=0.03, limits=(0.05, 0.22)),
        "opacity_blue": log_normal(rng, n, median=0.5, dex=0.1, limits=(0.2, 1.0)),
        "opacity_red": log_normal(rng, n, median=3.65, dex=0.25, limits=(1.0, 30.0)),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    flux = np.zeros(len(scene.mjd), "f4")
    for part in ("blue", "red"):
        mass = parameters[f"mass_{part}"]
        velocity = parameters[f"velocity_{part}"] * engines.LIGHT / 1e5
        n = len(mass)
        time = engines.diffusion_time(mass, velocity, parameters[f"opacity_{part}"])
        luminosity = engines.diffuse(heating(mass), time)
        sphere = engines.photosphere(luminosity, velocity, np.full(n, FLOOR[part]))
        flux += thermal_flux(sphere, scene)
    return Light(flux)


SOURCE = Source(
    label="Variable/Non-Recurring/Fast/KN",
    class_id=2232,
    population=PerVolumeYear(power_law(3.2e-7, 0.0)),
    redshift=(0.011, 0.28),
    active=(1.0, 20.0),
    hosts="kilonova",
    parameters={
        "mass_blue": Parameter("Msun", "lanthanide-poor ejecta"),
        "mass_red": Parameter("Msun", "lanthanide-rich ejecta"),
        "velocity_blue": Parameter("c", "velocity of the lanthanide-poor ejecta"),
        "velocity_red": Parameter("c", "velocity of the lanthanide-rich ejecta"),
        "opacity_blue": Parameter("cm2/g", "opacity of the lanthanide-poor ejecta"),
        "opacity_red": Parameter("cm2/g", "opacity of the lanthanide-rich ejecta"),
    },
    draw=draw,
    light=light,
    reference="Villar et al. 2017 (medians: their fit to AT2017gfo); rate 320 /Gpc3/yr: Abbott et al. 2021",
)
