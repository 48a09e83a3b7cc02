"""Miras and other long-period variables: cool giants with periods of a year, nearly dark in the blue."""

import numpy as np

from simulate.draws import log_normal
from simulate.periodic import Series, fourier_light
from simulate.rates import PerArea
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source

WAVE = np.array([3700.0, 4770.0, 6190.0, 7540.0, 8670.0, 9740.0])
COLOUR = np.array([6.6, 4.4, 2.6, 0.55, -0.7, -1.5])  # mean, against the mean of i and z
AMPLITUDE = np.array([1.25, 1.2, 1.15, 0.9, 0.7, 0.6])  # over that in the visual


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    period = log_normal(rng, n, median=270.0, dex=0.16, limits=(90.0, 700.0))
    amplitude = log_normal(rng, n, median=3.2, dex=0.25, limits=(0.6, 8.0))
    return {
        "period": period,
        "amplitude": amplitude,
        "mag_iz": np.clip(rng.normal(18.0, 1.8, n), 14.8, 23.0),
        "redder": np.clip(0.004 * (period - 270) + 0.3 * rng.standard_normal(n), -1.2, 1.8),
        "harmonic": np.clip(rng.normal(0.2, 0.08, n), 0.0, 0.4),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    n = len(scene)
    effective = scene.passbands.effective
    colour = np.interp(effective, WAVE, COLOUR)
    series = Series(
        period=p["period"],
        mean=p["mag_iz"][:, None] + colour * (1 + 0.25 * p["redder"][:, None]),
        amplitude=p["amplitude"][:, None] * np.interp(effective, WAVE, AMPLITUDE),
        lag=0.06 * np.log(effective / 6200.0),
        ratio=np.stack([np.ones(n), p["harmonic"], 0.3 * p["harmonic"]], axis=1),
        phase=np.tile([2.8, 3.0, 3.3], (n, 1)),
    )
    return fourier_light(series, scene, rng)


SOURCE = Source(
    label="Variable/Recurring/Periodic/LPV/Mira",
    class_id=2326,
    population=PerArea(0.06),
    parameters={
        "period": Parameter("d", "period"),
        "amplitude": Parameter("mag", "peak to peak in the visual"),
        "mag_iz": Parameter("mag", "mean of i and z without Galactic dust"),
        "redder": Parameter("", "colour beyond the mean Mira, larger for longer periods"),
        "harmonic": Parameter("", "second harmonic over the first"),
    },
    draw=draw,
    light=light,
    reference="Iwanek, Soszynski & Kozlowski 2021 (periods, amplitudes by wavelength)",
)
