"""Light curves of every class, beside real ones where there are any."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from brokerbench.rng import stream
from simulate.fidelity.drawn import draw, place_of, same_times
from simulate.fidelity.figures import new, save
from simulate.rates import distance_modulus
from simulate.registries import SOURCES
from simulate.source import Place

__all__ = ["Real", "gallery", "real_light_curves"]

Array = NDArray[np.float64]

COLOURS = {"g": "#3a8f3a", "r": "#c2491d", "i": "#7a3d9a"}
DISTANT = 0.1
"""Redshift at which extragalactic classes are shown; magnitudes are absolute, without K correction."""
DAYS = {
    "agn": 1000.0, "agn_changing_look": 2000.0, "blazar": 600.0, "cepheid": 40.0, "constant_star": 300.0,
    "delta_scuti": 0.5, "dwarf_nova": 250.0, "eclipsing_binary": 4.0, "mdwarf_flare": 6.0,
    "mira": 1500.0, "proper_motion": 1000.0,
    "rr_lyrae": 1.5,
}  # fmt: skip
"""Length shown of what does not explode [d]."""
SHORT = {
    "microlensing": (-150, 150),
    "microlensing_binary": (-150, 150),
    "kilonova": (-1, 15),
    "kilonova_kasen17": (-1, 15),
    "fbot": (-3, 30),
    "grb_afterglow": (-1, 20),
}
LONG = {
    "slsn_i": (-60, 250),
    "tde": (-60, 300),
    "pisn": (-50, 400),
    "sn_ia_csm": (-40, 300),
    "sn_iin": (-40, 250),
}


class Real(NamedTuple):
    """A real light curve: days f8[k], magnitude f8[k], band of each; name."""

    name: str
    days: Array
    magnitude: Array
    band: NDArray[np.str_]


def gallery(names: list[str], path: Path, real: dict[str, Real], *, columns: int = 6) -> None:
    """Three objects of each class in g, r and i (solid, dashed, dotted), real ones as points.

    Explosive classes: absolute magnitudes at redshift 0.1 against days of the observer after t0. Others:
    magnitudes, and differences from the template where the total would show nothing.
    """
    rows = -(-len(names) // columns)
    figure, axes = new(rows, columns, size=(2.0, 1.6))
    for axis, name in zip(axes.flat, names, strict=False):
        _show(axis, name)
        if name in real:
            _points(axis, real[name])
        axis.set_title(name, fontsize=8)
        axis.invert_yaxis()
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    save(figure, path)


def _show(axis: Any, name: str) -> None:
    source = SOURCES[name]
    place = place_of(name, 3, seed=21, redshift=None)
    if not source.galactic:
        z = np.full(3, DISTANT)
        place = Place(z, distance_modulus(z), place.t0, place.log_mass, place.log_sfr)
    values = draw(name, place, seed=22)
    first, last = _span(name)
    days = np.linspace(first, last, 400)
    # one scene for all bands: a random walk is the same in all of them
    seen = same_times(place, np.repeat(days, 3), np.tile([1, 2, 3], len(days)))
    light = source.light(values, seen, stream(23, "light"))
    magnitude = 31.4 - 2.5 * np.log10(np.maximum(light.flux.reshape(3, -1, 3).astype("f8"), 1e-6))
    if not source.galactic:
        magnitude -= place.distance_modulus[:, None, None]
    for b, band in enumerate(COLOURS):
        for k, style in enumerate(("-", "--", ":")):
            axis.plot(days, magnitude[k, :, b], style, color=COLOURS[band], lw=0.8)
    lowest = float(np.nanmin(magnitude))
    if not source.galactic and light.template is None:
        axis.set_ylim(lowest - 0.3, lowest + 7)


def _span(name: str) -> tuple[float, float]:
    if name in DAYS:
        return 0.0, DAYS[name]
    return {**SHORT, **LONG}.get(name, (-30, 120))


def _points(axis: Any, real: Real) -> None:
    for band, colour in COLOURS.items():
        here = real.band == band
        axis.plot(real.days[here], real.magnitude[here], ".", color=colour, ms=3, mec="black", mew=0.3)


def real_light_curves(data: Path) -> dict[str, Real]:
    """Real light curves by class: a ZTF SN Ia, AT2017gfo, PS18kh, an RR Lyrae of Stripe 82."""
    import pandas as pd

    made = {}
    folder = data / "09_variability" / "ztf_bts_snia"
    table = pd.read_csv(folder / "bts.csv")
    table = table[(table.type == "SN Ia")]
    curves = pd.read_parquet(folder / "light_curves.parquet")
    best = curves[curves.object.isin(table.ZTFID)].groupby("object").size().idxmax()
    curve, row = curves[curves.object == best], table[best == table.ZTFID].iloc[0]
    modulus = float(distance_modulus(np.array([float(row.redshift)]))[0])
    days = curve.time.to_numpy("f8") - (float(row.peakt) + 57999.5)
    band = np.where(curve.band == "R", "r", curve.band).astype(str)
    for name in ("sn_ia", "sn_ia_salt3"):
        made[name] = Real(str(best), days, curve.mag.to_numpy("f8") - modulus, band)
    bursts = data / "09_variability" / "transients_real" / "redback"
    for name, file, modulus, start in (
        ("kilonova", "at2017gfo", 33.0, 57982.53),
        ("kilonova_kasen17", "at2017gfo", 33.0, 57982.53),
        ("tde", "PS18kh", 37.53, 58150.0),
    ):
        t = pd.read_csv(bursts / f"{file}.csv")
        t = t[t.band.isin(COLOURS)]
        made[name] = Real(
            file, t.time.to_numpy() - start, t.magnitude.to_numpy() - modulus, t.band.to_numpy(str)
        )
    return made
