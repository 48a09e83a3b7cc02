"""Superluminous supernovae without hydrogen: a newborn magnetar that spins down."""

from simulate import engines
from simulate.draws import log_normal, truncated_normal
from simulate.rates import PerVolumeYear, madau_dickinson
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.thermal import thermal_flux


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return {
        "period": log_normal(rng, n, median=2.4, dex=0.20, limits=(0.7, 8.0)),
        "field": log_normal(rng, n, median=0.8, dex=0.33, limits=(0.1, 10.0)),
        "mass": log_normal(rng, n, median=4.8, dex=0.25, limits=(1.5, 20.0)),
        "velocity": truncated_normal(rng, n, mean=12000.0, sigma=2500.0, limits=(6000.0, 20000.0)),
        "opacity": truncated_normal(rng, n, mean=0.15, sigma=0.03, limits=(0.05, 0.2)),
        "leak": log_normal(rng, n, median=0.04, dex=0.35, limits=(0.01, 0.5)),
        "floor": truncated_normal(rng, n, mean=6500.0, sigma=900.0, limits=(4000.0, 9000.0)),
        "a_v": engines.host_extinction(rng, n, scale=0.15),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    time = engines.diffusion_time(p["mass"], p["velocity"], p["opacity"])
    trapping = engines.trapping_time(p["mass"], p["velocity"], opacity=p["leak"])
    power = engines.magnetar_power(p["period"], p["field"])
    luminosity = engines.diffuse(power, time, trapping=trapping)
    sphere = engines.photosphere(luminosity, p["velocity"], p["floor"])
    dimming = engines.host_dimming(scene.passbands, scene.z, p["a_v"])
    return Light(thermal_flux(sphere, scene, dimming=dimming, cutoff=3000.0))


SOURCE = Source(
    label="Variable/Non-Recurring/Long/SLSN",
    class_id=2242,
    population=PerVolumeYear(madau_dickinson(2.0e-8)),
    redshift=(0.02, 2.95),
    active=(50.0, 400.0),
    hosts="dwarf",
    parameters={
        "period": Parameter("ms", "spin period at birth"),
        "field": Parameter("1e14 G", "magnetic field"),
        "mass": Parameter("Msun", "mass of the ejecta"),
        "velocity": Parameter("km/s", "velocity of the photosphere"),
        "opacity": Parameter("cm2/g", "opacity of the ejecta"),
        "leak": Parameter("cm2/g", "opacity to the magnetar's high-energy photons"),
        "floor": Parameter("K", "temperature below which the photosphere does not cool"),
        "a_v": Parameter("mag", "extinction A_V in the host"),
    },
    draw=draw,
    light=light,
    reference="Kasen & Bildsten 2010; Nicholl, Guillochon & Berger 2017; rate: Quimby et al. 2013",
)
