"""Classical Cepheids: fundamental pulsators on the period-luminosity relation."""

import numpy as np

from simulate.draws import log_normal
from simulate.periodic import Series, fourier_light
from simulate.rates import PerArea
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source

WAVE = np.array([3700.0, 4770.0, 6190.0, 7540.0, 8670.0, 9740.0])
ZERO = np.array([-2.35, -3.55, -3.95, -4.10, -4.15, -4.18])  # absolute AB magnitude at 10 d
SLOPE = np.array([-2.20, -2.45, -2.70, -2.85, -2.95, -3.00])  # per dex of period
AMPLITUDE = np.array([1.45, 1.0, 0.68, 0.55, 0.49, 0.46])


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    period = log_normal(rng, n, median=5.0, dex=0.28, limits=(1.5, 60.0))
    amplitude = 0.75 + 0.35 * np.log10(period / 5.0) + 0.2 * rng.standard_normal(n)
    return {
        "period": period,
        "amplitude": np.clip(amplitude, 0.15, 1.6),
        "modulus": np.clip(rng.normal(19.0, 1.8, n), 14.0, 24.0),
        "scatter": 0.12 * rng.standard_normal(n),
        "bump": rng.standard_normal(n),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    """Fourier series as periods go: the bump comes earlier with period (Hertzsprung progression)."""
    p = parameters
    effective = scene.passbands.effective
    log_period = np.log10(p["period"])
    zero, slope = np.interp(effective, WAVE, ZERO), np.interp(effective, WAVE, SLOPE)
    mean = zero + slope * (log_period - 1)[:, None] + (p["modulus"] + p["scatter"])[:, None]
    two = np.clip(0.42 - 0.25 * np.abs(log_period - 0.6) + 0.04 * p["bump"], 0.08, 0.55)
    ratio = np.stack([np.ones(len(scene)), two, 0.55 * two, 0.3 * two], axis=1)
    first = np.full(len(scene), 2.6)
    second = 2 * first + 4.0 + 1.2 * (log_period - 0.6) - np.pi
    third = 3 * first + 2.0 + 2.0 * (log_period - 0.6) - 2 * np.pi
    fourth = 4 * first + 0.2 + 2.8 * (log_period - 0.6) - 3 * np.pi
    series = Series(
        period=p["period"],
        mean=mean,
        amplitude=p["amplitude"][:, None] * np.interp(effective, WAVE, AMPLITUDE),
        lag=0.05 * np.log(effective / 4770.0),
        ratio=ratio,
        phase=np.stack([first, second, third, fourth], axis=1),
    )
    return fourier_light(series, scene, rng)


SOURCE = Source(
    label="Variable/Recurring/Periodic/Cepheid",
    class_id=2322,
    population=PerArea(0.3),
    parameters={
        "period": Parameter("d", "period"),
        "amplitude": Parameter("mag", "peak to peak in g"),
        "modulus": Parameter("mag", "distance modulus: the disk, the Clouds, nearby galaxies"),
        "scatter": Parameter("mag", "offset from the period-luminosity relation"),
        "bump": Parameter("", "strength of the second harmonic, in standard deviations"),
    },
    draw=draw,
    light=light,
    reference="Fourier parameters: Soszynski et al. 2008; period-luminosity: Bhardwaj et al. 2017",
)
