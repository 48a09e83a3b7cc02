"""RR Lyrae stars: fundamental (ab) and first-overtone (c) pulsators of the halo."""

import numpy as np

from simulate.draws import power_law, truncated_normal
from simulate.periodic import Series, fourier_light
from simulate.rates import PerArea
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source

# u g r i z y: mean colour against g, amplitude over that in g, at 3700 .. 9740 A
WAVE = np.array([3700.0, 4770.0, 6190.0, 7540.0, 8670.0, 9740.0])
COLOUR = np.array([1.12, 0.0, -0.22, -0.29, -0.30, -0.30])
AMPLITUDE = np.array([0.94, 1.0, 0.71, 0.56, 0.52, 0.50])
LAG = np.array([-0.004, 0.0, 0.006, 0.010, 0.013, 0.015])
# Fourier series in g, maximum at phase 0: means of the templates of Sesar et al. 2010; SPREAD is the
# scatter of the ratios from one ab template to the next, all in step
RATIO = {"ab": [1.0, 0.436, 0.282, 0.155, 0.085, 0.039], "c": [1.0, 0.155, 0.052, 0.021, 0.007, 0.0]}
PHASE = {"ab": [2.519, 2.608, 3.031, 3.480, 3.904, 4.224], "c": [2.712, 3.699, 4.721, 5.331, 5.876, 0.0]}
SPREAD = [0.0, 0.032, 0.050, 0.049, 0.043, 0.027]


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    ab = rng.random(n) < 0.76
    period = np.where(
        ab,
        truncated_normal(rng, n, mean=0.575, sigma=0.070, limits=(0.42, 0.90)),
        truncated_normal(rng, n, mean=0.338, sigma=0.042, limits=(0.22, 0.42)),
    )
    # the period-amplitude relation of Oosterhoff I stars, Sesar et al. 2010 fig. 16
    slope = 1.10 - 5.2 * np.log10(period / 0.55) + 0.15 * rng.standard_normal(n)
    amplitude = np.where(
        ab, np.clip(slope, 0.25, 1.6), np.clip(0.52 + 0.09 * rng.standard_normal(n), 0.2, 0.8)
    )
    distance = power_law(rng, n, index=-0.8, limits=(4.0, 110.0))  # r^-2.8 in density
    absolute = 0.66 + 0.10 * rng.standard_normal(n)
    return {
        "ab": ab.astype("f8"),
        "period": period,
        "amplitude": amplitude,
        "asymmetry": np.clip(0.7 * (amplitude - 1.0) / 0.3 + 0.7 * rng.standard_normal(n), -2.0, 2.0),
        "distance": distance,
        "mag_g": absolute + 5 * np.log10(distance) + 10,
        "colour": 0.05 * rng.standard_normal(n),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    effective = scene.passbands.effective
    ab = parameters["ab"] > 0.5
    colour = np.interp(effective, WAVE, COLOUR)
    tilt = np.interp(effective, WAVE, [0.8, 0.0, -1.0, -1.4, -1.6, -1.7])
    ratio, phase = (
        np.where(ab[:, None], np.array(table["ab"]), np.array(table["c"])) for table in (RATIO, PHASE)
    )
    ratio = ratio + np.where(ab, parameters["asymmetry"], 0.0)[:, None] * SPREAD
    series = Series(
        period=parameters["period"],
        mean=parameters["mag_g"][:, None] + colour + parameters["colour"][:, None] * tilt,
        amplitude=parameters["amplitude"][:, None] * np.interp(effective, WAVE, AMPLITUDE),
        lag=np.interp(effective, WAVE, LAG),
        ratio=ratio,
        phase=phase,
    )
    return fourier_light(series, scene, rng)


SOURCE = Source(
    label="Variable/Recurring/Periodic/RR Lyrae",
    class_id=2323,
    population=PerArea(1.4),
    parameters={
        "ab": Parameter("", "1 for the fundamental mode, 0 for the first overtone"),
        "period": Parameter("d", "period"),
        "amplitude": Parameter("mag", "peak to peak in g"),
        "asymmetry": Parameter("", "how much steeper than the mean an ab star rises, in standard deviations"),
        "distance": Parameter("kpc", "distance"),
        "mag_g": Parameter("mag", "mean g without Galactic dust"),
        "colour": Parameter("mag", "g - r beyond the mean colour"),
    },
    draw=draw,
    light=light,
    reference="periods, amplitudes, colours: Sesar et al. 2010; halo profile r^-2.8: Sesar et al. 2010, 2017",
)
