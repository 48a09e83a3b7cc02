"""Tidal disruption events: debris that falls back on a massive black hole."""

from simulate import engines
from simulate.draws import log_normal, power_law, truncated_normal
from simulate.rates import PerVolumeYear
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.thermal import thermal_flux


def rate(z: Array) -> Array:
    """1e-6 x 10^(-0.5 z / 0.6): van Velzen 2018, Kochanek 2016."""
    return 1e-6 * 10 ** (-0.5 * z / 0.6)


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    hole = power_law(rng, n, index=-1.4, limits=(10**5.6, 10**7.7))
    star = power_law(rng, n, index=-2.0, limits=(0.1, 5.0))
    return {
        "mass_bh": hole,
        "mass_star": star,
        "efficiency": log_normal(rng, n, median=0.006, dex=0.4, limits=(3e-4, 0.1)),
        "viscous": log_normal(rng, n, median=4.0, dex=0.5, limits=(0.1, 60.0)),
        "temperature": log_normal(rng, n, median=21000.0, dex=0.13, limits=(11000.0, 45000.0)),
        "index": truncated_normal(rng, n, mean=0.6, sigma=0.12, limits=(0.3, 1.0)),
        "a_v": engines.host_extinction(rng, n, scale=0.4),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    """Fall-back time 41 d M6^1/2 m^0.2 (r ~ m^0.8); a third of the star returns; Eddington-limited."""
    p = parameters
    time = 41.0 * (p["mass_bh"] / 1e6) ** 0.5 * p["mass_star"] ** 0.2
    peak = p["mass_star"] * engines.M_SUN / (3 * time * engines.DAY)
    luminosity = p["efficiency"] * peak * engines.LIGHT**2
    limit = 1.26e38 * p["mass_bh"]
    luminosity = luminosity * limit / (luminosity + limit)
    power = engines.fallback_power(luminosity, time, p["viscous"])
    sphere = engines.steady_photosphere(power, p["temperature"], index=p["index"])
    dimming = engines.host_dimming(scene.passbands, scene.z, p["a_v"])
    return Light(thermal_flux(sphere, scene, dimming=dimming))


SOURCE = Source(
    label="Variable/Non-Recurring/Long/TDE",
    class_id=2243,
    population=PerVolumeYear(rate),
    redshift=(0.01, 2.9),
    active=(20.0, 400.0),
    hosts="tde",
    parameters={
        "mass_bh": Parameter("Msun", "mass of the black hole"),
        "mass_star": Parameter("Msun", "mass of the star"),
        "efficiency": Parameter("", "of accretion into light"),
        "viscous": Parameter("d", "viscous delay"),
        "temperature": Parameter("K", "of the photosphere at its brightest"),
        "index": Parameter("", "radius of the photosphere ~ L^index"),
        "a_v": Parameter("mag", "extinction A_V in the host"),
    },
    draw=draw,
    light=light,
    reference="Mockler et al. 2019; temperatures: van Velzen et al. 2021; rate: van Velzen 2018",
)
