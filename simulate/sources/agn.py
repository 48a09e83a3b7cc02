"""Active galactic nuclei: damped random walks whose size and time follow luminosity and mass."""

import numpy as np

from simulate.rates import PerVolume
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.walks import Walk, walking_light

FAINT, BRIGHT = -19.5, -30.0  # M_i(z=2)
ALPHA, BETA, M_ZERO, K1, K2, LOG_PHI = -1.16, -3.37, -22.85, 1.241, -0.249, -5.96
SLOPE = -0.5  # f_nu ~ nu^slope


def knee(z: Array) -> Array:
    """M*_i(z=2) of the luminosity function, pure luminosity evolution to z = 2.2 (Ross et al. 2013)."""
    x = np.minimum(z, 2.2)
    return M_ZERO - 2.5 * (K1 * x + K2 * x**2)


def relative(magnitude: Array, z: Array) -> Array:
    """Luminosity function per magnitude without its constant (Ross et al. 2013 eq. 8)."""
    x = magnitude - knee(z)
    return 1 / (10 ** (0.4 * (ALPHA + 1) * x) + 10 ** (0.4 * (BETA + 1) * x))


def density(z: Array) -> Array:
    """Comoving density [Mpc^-3] of nuclei brighter than M_i(z=2) = -19.5; falls beyond z = 2.2."""
    magnitude = np.linspace(BRIGHT, FAINT, 200)
    total = relative(magnitude, np.atleast_1d(z)[:, None]).sum(axis=1) * (magnitude[1] - magnitude[0])
    return 10**LOG_PHI * total * 10 ** (-0.6 * np.maximum(np.atleast_1d(z) - 2.2, 0))


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    nodes = np.linspace(BRIGHT, FAINT, 256)
    x = nodes[None] - 0 * place.z[:, None]
    cumulative = np.cumsum(relative(x, place.z[:, None]), axis=1)
    at = (cumulative < rng.random(n)[:, None] * cumulative[:, -1:]).sum(axis=1)
    magnitude = nodes[np.minimum(at, 255)] + (rng.random(n) - 0.5) * (nodes[1] - nodes[0])
    # black-hole mass given luminosity: Shen et al. 2008, as in MacLeod et al. 2010 sec. 5
    log_mass = 2.0 - 0.27 * magnitude + (0.58 + 0.011 * np.minimum(magnitude, -22)) * rng.standard_normal(n)
    log_mass = np.clip(log_mass, 6.0, 10.5)
    bright, heavy = magnitude + 23, log_mass - 9
    log_sf = -0.51 + 0.131 * bright + 0.18 * heavy + 0.15 * rng.standard_normal(n)
    log_tau = 2.4 + 0.03 * bright + 0.21 * heavy + 0.25 * rng.standard_normal(n)
    return {
        "magnitude": magnitude,
        "log_mass_bh": log_mass,
        "sf_4000": 10 ** np.clip(log_sf, -1.6, 0.1),
        "tau_4000": 10 ** np.clip(log_tau, 0.5, 4.0),
        "slope": SLOPE + 0.15 * rng.standard_normal(n),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    return walking_light(walk(parameters, scene), scene, rng)


def walk(parameters: Parameters, scene: Scene) -> Walk:
    """Means, sizes and times of the walks in the observer's bands and frame."""
    effective = scene.passbands.effective
    slow = 1 + scene.z
    rest = effective / slow[:, None] / 4000
    # apparent i from M_i(z=2): Richards et al. 2006 eq. 1, then the power law to other bands
    k = -2.5 * (1 + SLOPE) * np.log10(slow / 3)
    mag_i = parameters["magnitude"] + scene.distance_modulus + k
    mean = mag_i[:, None] - 2.5 * parameters["slope"][:, None] * np.log10(7540 / effective)
    sf = parameters["sf_4000"][:, None] * rest**-0.479
    tau = parameters["tau_4000"] * (7540 / slow / 4000) ** 0.17 * slow
    return Walk(mean=mean, sigma=sf / np.sqrt(2), tau=tau)


SOURCE = Source(
    label="Variable/Recurring/Non-Periodic/AGN",
    class_id=2332,
    population=PerVolume(density),
    redshift=(0.05, 2.95),
    hosts="agn",
    parameters={
        "magnitude": Parameter("mag", "M_i(z=2), absolute, K-corrected to z = 2"),
        "log_mass_bh": Parameter("dex(Msun)", "mass of the black hole"),
        "sf_4000": Parameter("mag", "structure function at infinite lag, at 4000 A in the rest frame"),
        "tau_4000": Parameter("d", "damping time at 4000 A, rest frame"),
        "slope": Parameter("", "spectral slope, f_nu ~ nu^slope"),
    },
    draw=draw,
    light=light,
    reference="walks: MacLeod et al. 2010 eq. 7; numbers: Ross et al. 2013; masses: Shen et al. 2008",
)
