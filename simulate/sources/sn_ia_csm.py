"""Type Ia supernovae inside circumstellar matter: a 91T-like core drowned in interaction."""

from simulate import engines
from simulate.draws import log_normal, truncated_normal
from simulate.rates import PerVolumeYear, power_law
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.sources import sn_91t
from simulate.thermal import thermal_flux

RISE = 18.0  # d from explosion to the maximum of the core


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return sn_91t.MODEL.draw(rng, place) | {
        "luminosity": log_normal(rng, n, median=1.6e43, dex=0.25, limits=(3e42, 1e44)),
        "index": truncated_normal(rng, n, mean=0.5, sigma=0.15, limits=(0.2, 1.0)),
        "end": log_normal(rng, n, median=300.0, dex=0.2, limits=(120.0, 900.0)),
        "diffusion": truncated_normal(rng, n, mean=15.0, sigma=5.0, limits=(5.0, 35.0)),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    power = engines.decline_power(p["luminosity"], p["index"], end=p["end"])
    luminosity = engines.diffuse(power, p["diffusion"])
    sphere = engines.photosphere(luminosity, 0 * p["index"] + 8000.0, 0 * p["index"] + 7000.0)
    early = scene.moved(-RISE * (1 + scene.z))
    core = sn_91t.MODEL.light(p, scene, rng).flux
    return Light(core + thermal_flux(sphere, early, cutoff=3500.0))


SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/Ia/Ia-CSM",
    class_id=2222,
    population=PerVolumeYear(power_law(5.0e-8, 1.5)),
    redshift=(0.011, 1.5),
    active=(50.0, 300.0),
    hosts="star_forming",
    parameters=sn_91t.PARAMETERS
    | {
        "luminosity": Parameter("erg/s", "power of the interaction at 10 d"),
        "index": Parameter("", "its decline, L ~ t^-index"),
        "end": Parameter("d", "when the shock leaves the dense matter"),
        "diffusion": Parameter("d", "diffusion time in the matter"),
    },
    draw=draw,
    light=light,
    reference="Silverman et al. 2013, Sharma et al. 2023 (peaks -19 to -21.3; 0.02 to 0.2 % of SN Ia)",
)
