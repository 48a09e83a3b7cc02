"""Delta Scuti stars: short periods, small amplitudes."""

import numpy as np

from simulate.draws import log_normal
from simulate.periodic import Series, fourier_light
from simulate.rates import PerArea
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.stars import apparent, blackbody_colours


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return {
        "period": log_normal(rng, n, median=0.075, dex=0.18, limits=(0.02, 0.28)),
        "amplitude": log_normal(rng, n, median=0.15, dex=0.32, limits=(0.02, 0.9)),
        "mag_g": apparent(rng, n, slope=0.12, limits=(16.0, 21.5)),
        "temperature": np.clip(rng.normal(7400.0, 450.0, n), 6300.0, 9000.0),
        "harmonic": np.clip(rng.normal(0.22, 0.1, n), 0.0, 0.45),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    effective = scene.passbands.effective
    n = len(scene)
    ratio = np.stack([np.ones(n), p["harmonic"], 0.3 * p["harmonic"]], axis=1)
    series = Series(
        period=p["period"],
        mean=p["mag_g"][:, None] + blackbody_colours(effective, p["temperature"], reference=4770.0),
        amplitude=p["amplitude"][:, None] * (effective / 4770.0) ** -0.95,
        lag=0.01 * np.log(effective / 4770.0),
        ratio=ratio,
        phase=np.tile([2.6, 3.6, 4.6], (n, 1)),
    )
    return fourier_light(series, scene, rng)


SOURCE = Source(
    label="Variable/Recurring/Periodic/Delta Scuti",
    class_id=2324,
    population=PerArea(0.5),
    parameters={
        "period": Parameter("d", "period"),
        "amplitude": Parameter("mag", "peak to peak in g"),
        "mag_g": Parameter("mag", "mean g without Galactic dust"),
        "temperature": Parameter("K", "effective temperature"),
        "harmonic": Parameter("", "second harmonic over the first"),
    },
    draw=draw,
    light=light,
    reference="Soszynski et al. 2021 (periods, amplitudes); LINEAR: Palaversa et al. 2013",
)
