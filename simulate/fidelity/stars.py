"""Variable stars and hosts against real samples: Stripe 82, LINEAR, SCOTCH's galaxies."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.rng import stream
from simulate import galaxies, offsets
from simulate.fidelity.comparison import Comparison
from simulate.fidelity.drawn import draw, place_of, same_times
from simulate.rates import kpc_per_arcsec
from simulate.registries import SOURCES
from simulate.source import Parameters, Place

__all__ = ["LINEAR", "linear", "scotch", "stripe82"]

Array = NDArray[np.float64]

LINEAR = ((1, "rr_lyrae", "ab"), (2, "rr_lyrae", "c"), (4, "eclipsing_binary", "EA"),
          (5, "eclipsing_binary", "EW"), (6, "delta_scuti", ""))  # fmt: skip
"""Code in LINEAR's table, class here, subtype."""
SMALLEST = 0.3
"""Few variables of LINEAR are listed whose size is less [mag]."""


def stripe82(data: Path) -> list[Comparison]:
    """Periods and amplitudes in g of RR Lyrae against the 483 of Sesar et al. 2010 table 2."""
    import pandas as pd

    real = pd.read_csv(data / "09_variability" / "astroML" / "table2.dat.gz", sep=" ")
    drawn = draw("rr_lyrae", place_of("rr_lyrae", 6000, seed=1), seed=1)
    made = []
    for kind in ("ab", "c"):
        mine, theirs = drawn["ab"] == (kind == "ab"), real[real.type == kind]
        name = f"RR Lyrae {kind}, Stripe 82"
        made.append(Comparison.of(name, "period [d]", (drawn["period"][mine], theirs.P)))
        made.append(Comparison.of(name, "amplitude in g [mag]", (drawn["amplitude"][mine], theirs.gA)))
    return made


def linear(data: Path) -> list[Comparison]:
    """Periods and sizes by class against the variables of LINEAR (Palaversa et al. 2013)."""
    table = np.loadtxt(data / "09_variability" / "astroML" / "LINEARattributesFinalApr2013.dat.gz")
    made = []
    for code, source, kind in LINEAR:
        real = table[table[:, 12] == code]
        drawn = draw(source, place_of(source, 4000, seed=1), seed=1)
        keep = _subtype(drawn, kind)
        name = f"{source} {kind}, LINEAR".replace(" ,", ",")
        made.append(Comparison.of(name, "log period [d]", (np.log10(drawn["period"][keep]), real[:, 6])))
        size, theirs = _size(source, drawn, keep), real[:, 7]
        large = (size[size > SMALLEST], theirs[theirs > SMALLEST])
        made.append(Comparison.of(name, "size in r [mag]", large))
    return made


def _subtype(drawn: Parameters, kind: str) -> NDArray[np.bool_]:
    if kind in ("ab", "c"):
        return drawn["ab"] == (kind == "ab")
    if kind:
        return drawn["ea"] == 1 if kind == "EA" else (drawn["ea"] == 0) & (drawn["eb"] == 0)
    return np.ones(len(drawn["period"]), bool)


def _size(source: str, drawn: Parameters, keep: NDArray[np.bool_]) -> Array:
    """Size in r, 5 to 95 % of the light curve as LINEAR gives it, of the objects to keep."""
    one = {name: values[keep] for name, values in drawn.items()}
    n = int(keep.sum())
    days = np.sort(stream(3, "times").uniform(0, 2000, 250))  # phases that no period has in common
    nan = np.full(n, np.nan)
    seen = same_times(Place(np.zeros(n), nan, np.full(n, 60000.0), nan, nan), days, 2)
    light = SOURCES[source].light(one, seen, stream(5, "light"))
    low, high = np.percentile(-2.5 * np.log10(light.flux.reshape(n, -1).astype("f8")), [5, 95], axis=1)
    return high - low


def scotch(data: Path) -> list[Comparison]:
    """Hosts of SCOTCH (Lokken et al. 2023) against ours of the same redshift, mass and star formation."""
    from astropy.table import Table

    real = Table.read(data / "07_hosts" / "scotch" / "scotch_host_data.fits")
    column = {name: np.asarray(real[name], "f8") for name in real.colnames}
    z, mass, sfr = column["z_host"], column["logMstar"], column["logSFR"]
    kpc = kpc_per_arcsec(z)
    # each of them twenty times, for a smooth distribution
    ours = galaxies._galaxies(np.random.default_rng(1), *(np.tile(v, 20) for v in (z, mass, sfr)))
    east, north = offsets.follow_light()(np.random.default_rng(2), ours)
    pairs = {
        "offset [kpc]": (np.hypot(east, north) * np.tile(kpc, 20), column["sep"] * kpc),
        "radius of the disk [kpc]": (ours.radius * np.tile(kpc, 20), column["a0"] * kpc),
        "axis ratio": (ours.axis_ratio, (1 - column["e"]) / (1 + column["e"])),
    }
    name = "hosts, SCOTCH"
    made = [Comparison.of(name, what, pair, log="kpc" in what) for what, pair in pairs.items()]
    forming = (sfr - mass > -10.2) & (mass > 8)
    model = galaxies.Galaxies(**{f.name: getattr(ours, f.name)[: len(z)] for f in fields(ours)})
    for band, number in (("g", 1), ("i", 3)):
        pair = (model.mag[forming, number], column[f"mag_{band}_host"][forming])
        made.append(Comparison.of("star-forming hosts, SCOTCH", f"{band} [mag]", pair))
    return made
