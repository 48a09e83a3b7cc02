"""The real observing log of ZTF at one place: the epochs of an IPAC forced-photometry file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from brokerbench.config import Config
from brokerbench.errors import InputError
from brokerbench.tables import Visits
from simulate.cadence import Cadence, pick, table_visits

COLUMNS = {
    "jd": ("jd",),
    "band": ("filter",),
    "exposure": ("exptime",),
    "seeing": ("sciinpseeing",),
    "m5": ("diffmaglim",),
}
PIXEL = 1.01  # arcsec, the unit of sciinpseeing
TAI_UTC = 37.0 / 86400


class Options(Config, frozen=True):
    path: str


def visits(options: Options, bands: Sequence[str], rng: np.random.Generator) -> Visits:
    file = Path(options.path)
    if not file.is_file():
        raise InputError(f"{file}: expected a forced-photometry file, got nothing there; check the path")
    lines = file.read_text(errors="replace").splitlines()
    header = next((line for line in lines if re.match(r"#?\s*index,", line)), None)
    rows = [line.split() for line in lines if line and not line.startswith("#") and "," not in line]
    place = [re.search(rf"{axis}\.?\s*=\s*(\S+)\s+degrees", "\n".join(lines)) for axis in ("R\\.A", "Dec")]
    if header is None or not rows or None in place:
        raise InputError(f"{file}: expected a forced-photometry file of ZTF, got one without table or place")
    names = [name.strip() for name in header.lstrip("# ").split(",")]
    found = pick(names, COLUMNS, where=str(file))
    try:
        cells = {m: [row[names.index(name)] for row in rows] for m, name in found.items()}
        values = {m: np.array(v, "f8") for m, v in cells.items() if m != "band"}
        ra, dec = (float(match[1]) for match in place if match)
    except (IndexError, ValueError) as error:
        raise InputError(f"{file}: expected numbers in every row, got others ({error})") from error
    n = len(rows)
    columns = {
        "mjd": values["jd"] - 2400000.5 + TAI_UTC + values["exposure"] / 86400 / 2,
        "ra": np.full(n, ra),
        "dec": np.full(n, dec),
        "band": np.array([name.removeprefix("ZTF_") for name in cells["band"]]),
        "exposure": values["exposure"],
        "seeing": values["seeing"] * PIXEL,
        "m5": values["m5"],
    }
    good = np.isfinite(columns["m5"]) & (columns["m5"] > 10)  # -99999 where the subtraction failed
    return table_visits({k: v[good] for k, v in columns.items()}, bands, where=str(file))


CADENCE = Cadence(options=Options, visits=visits, reference="ZTF forced photometry (Masci et al. 2023)")
