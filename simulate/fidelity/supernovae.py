"""SNe Ia against the real ones of ZTF's Bright Transient Survey."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.rng import stream
from simulate import dust, rates
from simulate.fidelity.comparison import Comparison
from simulate.fidelity.drawn import draw, place_of, same_times
from simulate.instruments import ztf
from simulate.registries import SOURCES
from simulate.source import Place

__all__ = ["bright_supernovae", "bts"]

Array = NDArray[np.float64]

LIMIT = 18.5
"""Magnitude to which BTS has nearly all."""
FARTHEST = 0.15
"""Redshift beyond which none is as bright."""
DAYS = np.arange(-25.0, 60.0, 0.5)


def bright_supernovae(name: str, n: int) -> tuple[Array, Place]:
    """Magnitudes f8[n, band, night] in ZTF g and r of SNe Ia to z = 0.15, no Galactic dust; their places."""
    source = SOURCES[name]
    place = place_of(name, n, seed=3, redshift=(0.011, FARTHEST))
    drawn = draw(name, place, seed=4)
    both = []
    for band in (0, 1):
        seen = same_times(place, DAYS, band, passbands=ztf(("g", "r")))
        flux = source.light(drawn, seen, stream(5, "light")).flux.reshape(n, -1).astype("f8")
        both.append(31.4 - 2.5 * np.log10(np.maximum(flux, 1e-3)))
    return np.stack(both, axis=1), place


def read_bts(data: Path) -> tuple[Any, Any]:
    """The SNe Ia of BTS brighter than its limit, and their photometry within three days of the peak."""
    import pandas as pd

    folder = data / "09_variability" / "ztf_bts_snia"
    real = pd.read_csv(folder / "bts.csv").dropna(subset=["A_V"])
    for column in ("peakmag", "peakabs", "duration", "redshift", "peakt"):
        real[column] = pd.to_numeric(real[column], errors="coerce")
    real = real[(real.type == "SN Ia") & (real.peakmag < LIMIT) & (real.redshift > 0.011)]
    curves = pd.read_parquet(folder / "light_curves.parquet")
    curves = curves.merge(real[["ZTFID", "peakt", "A_V"]], left_on="object", right_on="ZTFID")
    return real, curves[np.abs(curves.time - (curves.peakt + 57999.5)) < 3]


def bts(data: Path, name: str, *, n: int = 12_000) -> list[Comparison]:
    """Redshift, absolute magnitude, duration and colour at peak, here and there.

    BTS takes the brightest of sparse points in the better sampled band: so are our peaks taken, three days
    apart and with its errors; durations and colours are those of curves without noise. Redshifts have
    peculiar velocities of 300 km/s.
    """
    real, near = read_bts(data)
    magnitude, place = bright_supernovae(name, n)
    a_v = stream(6, "dust").choice(real.A_V.to_numpy(), n)
    law = dust.odonnell94(ztf(("g", "r")).effective, 3.1)
    at, band = np.arange(n), stream(7, "band").integers(0, 2, n)
    true = magnitude[at, band] + (a_v * law[band])[:, None]
    rng = stream(8, "sparse")
    chosen = rng.integers(0, 6, n)[:, None] + 6 * np.arange(len(DAYS) // 6 - 1)
    points = np.take_along_axis(true, chosen, axis=1)
    points += rng.choice(near.magerr.to_numpy(), chosen.shape) * rng.standard_normal(chosen.shape)
    z = (1 + place.z) * (1 + 300 / rates.LIGHT_KM * rng.standard_normal(n)) - 1
    peak = points.min(axis=1)
    bright = peak < LIMIT
    absolute = peak - rates.distance_modulus(z) - a_v * law[band] + 2.5 * np.log10(1 + z)
    duration = (true < true.min(axis=1)[:, None] + 0.7526).sum(axis=1) * (DAYS[1] - DAYS[0])
    top = np.argmin(magnitude[at, band], axis=1)
    colour = magnitude[at, 0, top] - magnitude[at, 1, top]
    pairs = {
        "redshift": (z[bright], real.redshift),
        "absolute magnitude at peak": (absolute[bright], real.peakabs),
        "days above half the peak": (duration[bright], real.duration),
        "g - r at peak": (colour[bright], _colours(near, law)),
    }
    return [Comparison.of(f"{name}, BTS to {LIMIT}", what, pair) for what, pair in pairs.items()]


def _colours(near: Any, law: Array) -> Array:
    """g - r f8[k] near the peak without Galactic dust, where both bands were seen."""
    mean = near.groupby(["object", "band"]).mag.mean().unstack()
    extinction = near.groupby("object").A_V.first()
    return (mean["g"] - mean["R"] - extinction * (law[0] - law[1])).dropna().to_numpy()
