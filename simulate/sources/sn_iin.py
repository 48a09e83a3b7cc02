"""Type IIn supernovae: ejecta that run into circumstellar matter."""

from simulate import engines
from simulate.draws import log_normal, truncated_normal
from simulate.rates import PerVolumeYear, core_collapse_s15
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.thermal import thermal_flux


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return {
        "luminosity": log_normal(rng, n, median=1.4e43, dex=0.42, limits=(1e42, 3e44)),
        "index": truncated_normal(rng, n, mean=0.55, sigma=0.25, limits=(0.1, 1.3)),
        "end": log_normal(rng, n, median=180.0, dex=0.25, limits=(60.0, 900.0)),
        "diffusion": log_normal(rng, n, median=12.0, dex=0.22, limits=(4.0, 50.0)),
        "velocity": truncated_normal(rng, n, mean=6000.0, sigma=1200.0, limits=(3000.0, 10000.0)),
        "floor": truncated_normal(rng, n, mean=6500.0, sigma=700.0, limits=(5000.0, 9000.0)),
        "a_v": engines.host_extinction(rng, n),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    power = engines.decline_power(p["luminosity"], p["index"], end=p["end"])
    luminosity = engines.diffuse(power, p["diffusion"])
    sphere = engines.photosphere(luminosity, p["velocity"], p["floor"])
    dimming = engines.host_dimming(scene.passbands, scene.z, p["a_v"])
    return Light(thermal_flux(sphere, scene, dimming=dimming, cutoff=3000.0))


SOURCE = Source(
    label="Variable/Non-Recurring/SN-like/II/IIn",
    class_id=2224,
    population=PerVolumeYear(core_collapse_s15(0.047)),
    redshift=(0.011, 2.2),
    active=(10.0, 300.0),
    hosts="core_collapse",
    parameters={
        "luminosity": Parameter("erg/s", "power of the interaction at 10 d"),
        "index": Parameter("", "its decline, L ~ t^-index"),
        "end": Parameter("d", "when the shock leaves the dense matter"),
        "diffusion": Parameter("d", "diffusion time in the matter"),
        "velocity": Parameter("km/s", "velocity of the photosphere"),
        "floor": Parameter("K", "temperature of the photosphere at late times"),
        "a_v": Parameter("mag", "extinction A_V in the host"),
    },
    draw=draw,
    light=light,
    reference="Moriya et al. 2013; brightness and rise: Nyholm et al. 2020; Shivvers et al. 2017",
)
