"""Microlensing by two stars: caustics; by VBMicrolensing, which the extra `microlensing` installs."""

import numpy as np

from simulate.draws import log_normal
from simulate.rates import PerArea
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.sources import microlensing
from simulate.stars import blackbody_colours, nanojansky

REACH = 4.0  # Einstein times around the peak that the binary's light curve is computed for


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    n = len(place)
    return microlensing.draw(rng, place) | {
        "separation": log_normal(rng, n, median=1.0, dex=0.3, limits=(0.2, 5.0)),
        "mass_ratio": log_normal(rng, n, median=0.3, dex=0.5, limits=(1e-3, 1.0)),
        "angle": rng.uniform(0, 2 * np.pi, n),
        "rho": log_normal(rng, n, median=2e-3, dex=0.4, limits=(3e-4, 5e-2)),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    """A light curve an object, near its peak; the single lens of the same mass far from it."""
    from VBMicrolensing import VBMicrolensing

    p = parameters
    row = scene.row
    x = (scene.mjd - scene.t0[row]) / p["einstein"][row]
    u2 = x * x + (p["u0"] ** 2 + 1e-8)[row]
    magnified = (u2 + 2) / np.sqrt(u2 * (u2 + 4))
    lens = VBMicrolensing()
    lens.Tol = lens.RelTol = 1e-3
    for k in range(len(scene)):
        span = np.arange(scene.offsets[k], scene.offsets[k + 1])
        near = span[np.abs(x[span]) < REACH]
        if len(near):
            shape = [np.log(p["separation"][k]), np.log(p["mass_ratio"][k]), p["u0"][k], p["angle"][k]]
            times = [np.log(p["rho"][k]), 0.0, 0.0]  # in Einstein times from t0
            magnified[near] = lens.BinaryLightCurve([*shape, *times], x[near].tolist())[0]
    colours = blackbody_colours(scene.passbands.effective, p["temperature"], reference=6190.0)
    quiet = nanojansky(p["mag_r"][:, None] + colours)
    flux = quiet[row, scene.band] * (1 + p["share"][row] * (magnified - 1))
    return Light(flux.astype("f4"), quiet)


SOURCE = Source(
    label="Variable/Non-Recurring/Fast/uLens/Binary",
    class_id=2235,
    population=PerArea(0.05),
    active=(60.0, 60.0),
    parameters=microlensing.SOURCE.parameters
    | {
        "separation": Parameter("", "of the two lenses, in Einstein radii"),
        "mass_ratio": Parameter("", "of the two lenses"),
        "angle": Parameter("rad", "between the source's path and the lenses' axis"),
        "rho": Parameter("", "radius of the source, in Einstein radii"),
    },
    draw=draw,
    light=light,
    needs_package=("VBMicrolensing", "microlensing"),
    reference="Bozza 2010, Bozza et al. 2018 (VBMicrolensing); times: Mroz et al. 2019",
)
