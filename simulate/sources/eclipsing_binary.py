"""Eclipsing binaries: detached (EA), semi-detached (EB) and contact (EW)."""

import numpy as np

from simulate.draws import log_normal
from simulate.eclipses import Pair, eclipsing_light
from simulate.rates import PerArea
from simulate.source import Array, Generator, Light, Parameter, Parameters, Place, Scene, Source
from simulate.stars import apparent, blackbody_colours

SHARES = (0.22, 0.13)  # EA, EB; the rest is EW


def draw(rng: Generator, place: Place) -> dict[str, Array]:
    """Sizes and periods by type; inclinations such that there is an eclipse: cos i < r1 + r2."""
    n = len(place)
    u = rng.random(n)
    ea, eb = u < SHARES[0], (u >= SHARES[0]) & (u < sum(SHARES))
    kinds = [ea, eb]
    r1 = np.select(
        kinds, [rng.uniform(0.06, 0.26, n), rng.uniform(0.25, 0.38, n)], rng.uniform(0.38, 0.48, n)
    )
    size = np.select(kinds, [rng.uniform(0.4, 1.3, n), rng.uniform(0.6, 1.1, n)], rng.uniform(0.4, 0.9, n))
    ratio = np.select(
        kinds, [rng.uniform(0.5, 1.0, n), rng.uniform(0.55, 0.95, n)], rng.uniform(0.92, 1.05, n)
    )
    r2 = r1 * size
    # Kepler's third law: a star of the Sun's density with a companion of equal mass has P = 0.082 d
    # r1^-1.5; the scatter is that of densities
    scatter = np.select(kinds, [np.full(n, 0.20), np.full(n, 0.15)], 0.10) * rng.standard_normal(n)
    period = np.clip(0.082 * r1**-1.5 * 10**scatter, 0.20, 60.0)
    return {
        "ea": ea.astype("f8"),
        "eb": eb.astype("f8"),
        "period": period,
        "r1": r1,
        "r2": r2,
        "cos_i": rng.random(n) * 0.95 * (r1 + r2),
        "temperature": log_normal(rng, n, median=5900.0, dex=0.07, limits=(3800.0, 11000.0)),
        "ratio": ratio,
        "mag_r": apparent(rng, n, slope=0.2, limits=(16.0, 22.5)),
    }


def light(parameters: Parameters, scene: Scene, rng: Generator) -> Light:
    p = parameters
    effective = scene.passbands.effective
    colours = blackbody_colours(effective, p["temperature"], reference=6190.0)
    second = p["temperature"] * p["ratio"]
    # surface brightness of the second star over that of the first, band by band
    c2 = 1.438777e8 / (effective * second[:, None])
    c1 = 1.438777e8 / (effective * p["temperature"][:, None])
    pair = Pair(
        period=p["period"],
        r1=p["r1"],
        r2=p["r2"],
        cos_i=p["cos_i"],
        brightness=np.expm1(c1) / np.expm1(c2),
        limb=np.broadcast_to(np.interp(effective, [3700, 9740], [0.8, 0.3]), colours.shape).copy(),
        magnitude=p["mag_r"][:, None] + colours,
    )
    return eclipsing_light(pair, scene, rng)


SOURCE = Source(
    label="Variable/Recurring/Periodic/EB",
    class_id=2325,
    population=PerArea(6.0),
    parameters={
        "ea": Parameter("", "1 for a detached pair"),
        "eb": Parameter("", "1 for a semi-detached pair; neither: contact (EW)"),
        "period": Parameter("d", "orbital period"),
        "r1": Parameter("", "radius of the first star over the separation"),
        "r2": Parameter("", "radius of the second star over the separation"),
        "cos_i": Parameter("", "cosine of the inclination"),
        "temperature": Parameter("K", "of the first star"),
        "ratio": Parameter("", "temperature of the second star over that of the first"),
        "mag_r": Parameter("mag", "r at its brightest, without Galactic dust"),
    },
    draw=draw,
    light=light,
    reference=(
        "Kopal 1959; tides and reflection: Morris 1985; types: Palaversa et al. 2013; periods: Kepler's "
        "third law; radii of contact pairs: Rucinski 1993 (mass ratios 0.15 to 0.8)"
    ),
)
