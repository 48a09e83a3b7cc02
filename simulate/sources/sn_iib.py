"""Type IIb supernovae: nickel behind a thin hydrogen envelope that cools first."""

import numpy as np

from simulate import engines
from simulate.draws import log_normal
from simulate.nickel import PARAMETERS, NickelExplosion
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.thermal import days_grid, thermal_flux

MODEL = NickelExplosion(
    nickel=(0.10, 0.22, 0.03, 0.35),
    mass=(2.2, 0.18, 0.8, 6.0),
    velocity=(8300.0, 1000.0, 6000.0, 12000.0),
    scatter=0.2,
)


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return MODEL.draw(rng, place) | {
        "envelope": log_normal(rng, n, median=0.02, dex=0.4, limits=(0.001, 0.2)),
        "radius": log_normal(rng, n, median=100.0, dex=0.4, limits=(20.0, 600.0)),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    """Nickel, and the envelope that cools: L ~ R v^2 / kappa, gone in sqrt(M_e) days."""
    p = parameters
    fast = 1.4 * p["velocity"]
    bright = 1.7e42 * (p["radius"] / 100.0) * (fast / 1e4) ** 2
    fades = 3.5 * (p["envelope"] / 0.02) ** 0.5
    days = days_grid()
    cooling = bright[:, None] * days**-0.16 * np.exp(-((days / fades[:, None]) ** 1.67))
    sphere = engines.photosphere(cooling, fast, np.full(len(scene), 7000.0))
    dimming = engines.host_dimming(scene.passbands, scene.z, p["a_v"])
    return Light(MODEL.flux(p, scene) + thermal_flux(sphere, scene, dimming=dimming))


SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/II/IIb",
    class_id=2224,
    population=PerVolumeYear(core_collapse_s15(0.109)),
    redshift=(0.011, 1.8),
    active=(30.0, 100.0),
    hosts="stripped",
    parameters=PARAMETERS
    | {
        "envelope": Parameter("Msun", "mass of the hydrogen envelope"),
        "radius": Parameter("Rsun", "radius of the progenitor"),
    },
    draw=draw,
    light=light,
    reference="Lyman et al. 2016; cooling: Sapir & Waxman 2017; share: Shivvers et al. 2017",
)
