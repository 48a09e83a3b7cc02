"""Type II supernovae, from plateau (IIP) to linear (IIL) without a gap."""

import numpy as np

from simulate import engines
from simulate.draws import log_normal, truncated_normal
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.thermal import thermal_flux


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    """Bright plateaus are short, decline fast, expand fast and leave more nickel (Anderson et al. 2014)."""
    n = len(place)
    bright = truncated_normal(rng, n, mean=0.0, sigma=1.0, limits=(-2.5, 2.5))
    slope = np.clip(0.9 + 0.75 * bright + 0.5 * rng.standard_normal(n), -0.3, 4.0)
    duration = np.clip(104 - 9 * bright - 8 * (slope - 0.9) + 8 * rng.standard_normal(n), 55, 140)
    log_nickel = -1.5 + 0.25 * bright + 0.18 * rng.standard_normal(n)
    return {
        "luminosity": 10 ** (42.05 + 0.30 * bright),
        "slope": slope,
        "duration": duration,
        "cooling": log_normal(rng, n, median=2.0, dex=0.25, limits=(0.3, 8.0)),
        "nickel": 10 ** np.clip(log_nickel, -2.7, -0.7),
        "velocity": np.clip(7300 + 900 * bright + 700 * rng.standard_normal(n), 4500, 11000),
        "a_v": engines.host_extinction(rng, n),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    envelope = engines.plateau(p["luminosity"], p["duration"], slope=p["slope"], peak=p["cooling"])
    core = engines.diffuse(engines.nickel_power(p["nickel"]), 0.55 * p["duration"])
    sphere = engines.photosphere(envelope + core, p["velocity"], np.full(len(scene), 5400.0))
    dimming = engines.host_dimming(scene.passbands, scene.z, p["a_v"])
    return Light(thermal_flux(sphere, scene, dimming=dimming, cutoff=3800.0))


SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/II",
    class_id=2224,
    population=PerVolumeYear(core_collapse_s15(0.649)),
    redshift=(0.011, 1.8),
    active=(10.0, 150.0),
    hosts="core_collapse",
    parameters={
        "luminosity": Parameter("erg/s", "bolometric, 30 d after explosion, without nickel"),
        "slope": Parameter("mag/100d", "decline on the plateau: 0 IIP, 2 and more IIL"),
        "duration": Parameter("d", "from explosion to the middle of the drop"),
        "cooling": Parameter("", "excess of the cooling envelope over the plateau at day 0"),
        "nickel": Parameter("Msun", "mass of nickel-56"),
        "velocity": Parameter("km/s", "velocity of the photosphere"),
        "a_v": Parameter("mag", "extinction A_V in the host"),
    },
    draw=draw,
    light=light,
    reference="Anderson et al. 2014, Valenti et al. 2016, Mueller et al. 2017; Shivvers et al. 2017",
)
