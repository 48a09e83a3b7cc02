"""Afterglows of long gamma-ray bursts, on axis and off (orphans): one jet seen from any side."""

import numpy as np

from simulate import engines
from simulate.draws import log_normal, truncated_normal
from simulate.rates import PerVolumeYear, madau_dickinson
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source

WIDEST = 0.45  # rad, of the viewing angles that are drawn
SLOPE = 0.85  # f_nu ~ nu^-slope
AT_ONE_DAY = -24.0  # absolute magnitude in the rest-frame R band, one day after the burst, on axis


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    jet = log_normal(rng, n, median=0.09, dex=0.18, limits=(0.03, 0.35))
    view = np.arccos(1 - rng.random(n) * (1 - np.cos(WIDEST)))
    return {
        "absolute": AT_ONE_DAY + 1.5 * truncated_normal(rng, n, mean=0, sigma=1, limits=(-2.5, 2.5)),
        "early": truncated_normal(rng, n, mean=0.95, sigma=0.2, limits=(0.5, 1.5)),
        "late": truncated_normal(rng, n, mean=2.1, sigma=0.25, limits=(1.6, 2.8)),
        "break": 0.9 * (jet / 0.09) ** (8 / 3) * 10 ** (0.25 * rng.standard_normal(n)),
        "onset": log_normal(rng, n, median=0.002, dex=0.4, limits=(2e-4, 0.05)),
        "jet": jet,
        "view": view,
        "a_v": engines.host_extinction(rng, n, scale=0.2),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    """Broken power law in time; off axis the light of the edge comes when its beam has widened.

    Rises as t^3 until t_break (view / jet)^(8/3), then joins the light that the axis sees (Granot et al.
    2002; Nakar, Piran & Granot 2002).
    """
    lit = np.flatnonzero(scene.mjd > scene.t0[scene.row])
    row = scene.row[lit]
    p = {name: value[row] for name, value in parameters.items()}
    days = (scene.mjd[lit] - scene.t0[row]) / (1 + scene.z[row])
    sharp = 2.0
    low, high = (days / p["break"]) ** (sharp * p["early"]), (days / p["break"]) ** (sharp * p["late"])
    one = (1 / p["break"]) ** (sharp * p["early"]) + (1 / p["break"]) ** (sharp * p["late"])
    shape = ((low + high) / one) ** (-1 / sharp)
    outside = np.maximum(p["view"] / p["jet"], 1.0)
    start = np.where(outside > 1, p["break"] * outside ** (8 / 3), p["onset"])
    shape *= (1 + (days / start) ** (-3 * sharp)) ** (-1 / sharp)
    wave = scene.passbands.effective[scene.band[lit]]
    spectrum = ((wave / (1 + scene.z[row])) / 6500.0) ** SLOPE * (1 + scene.z[row])
    magnitude = p["absolute"] + scene.distance_modulus[row]
    dust = engines.host_dimming(scene.passbands, scene.z, parameters["a_v"])[row, scene.band[lit]]
    flux = np.zeros(len(scene.mjd), "f4")
    flux[lit] = 10 ** (0.4 * (31.4 - magnitude)) * shape * spectrum * dust
    return Light(flux)


SOURCE = Source(
    label="Variable/Non-Recurring/Fast/Fast/Other/GRB afterglow",
    class_id=2231,
    population=PerVolumeYear(madau_dickinson(1.0e-7 * (1 - np.cos(WIDEST)))),
    redshift=(0.05, 3.0),
    active=(1.0, 20.0),
    hosts="dwarf",
    parameters={
        "absolute": Parameter("mag", "on axis, rest-frame R, one day after the burst (AB)"),
        "early": Parameter("", "decline before the jet break, t^-early"),
        "late": Parameter("", "decline after it, t^-late"),
        "break": Parameter("d", "time of the jet break, rest frame"),
        "onset": Parameter("d", "end of the rise on axis, rest frame"),
        "jet": Parameter("rad", "half opening angle of the jet"),
        "view": Parameter("rad", "angle between the jet's axis and us"),
        "a_v": Parameter("mag", "extinction A_V in the host"),
    },
    draw=draw,
    light=light,
    reference="Kann et al. 2010 (brightness), Granot et al. 2002 (off axis); rate: Goldstein et al. 2016",
)
