"""Stars that do not vary: what the difference image shows of them is what subtraction leaves."""

from simulate.draws import log_normal
from simulate.rates import PerArea
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.stars import apparent, blackbody_colours, nanojansky

REPEATABILITY = 0.005  # mag, from visit to visit (LSST Science Requirements: 5 mmag)


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return {
        "mag_r": apparent(rng, n, slope=0.2, limits=(16.0, 24.5)),
        "temperature": log_normal(rng, n, median=5200.0, dex=0.1, limits=(3000.0, 12000.0)),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    colours = blackbody_colours(scene.passbands.effective, p["temperature"], reference=6190.0)
    star = nanojansky(p["mag_r"][:, None] + colours)
    residual = 1 + REPEATABILITY * rng.standard_normal(len(scene.mjd), dtype="f4")
    return Light((star[scene.row, scene.band] * residual).astype("f4"), star)


SOURCE = Source(
    label="Static/Static/Other/Constant star",
    class_id=1100,
    population=PerArea(8000.0),
    parameters={
        "mag_r": Parameter("mag", "r without Galactic dust"),
        "temperature": Parameter("K", "effective temperature"),
    },
    draw=draw,
    light=light,
    reference="photometric repeatability: LSST Science Requirements Document, table 14",
)
