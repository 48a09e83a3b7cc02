"""Small runs made by hand: tables of a few objects, without the simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from brokerbench import ids
from brokerbench.store import Folder, write_table
from brokerbench.tables import BANDS, DiaObjects, Hosts, LightCurves, Visits

STREAM_START = 61000.0
SEED = 11


def make_visits(n: int, *, seed: int = 1, per_night: int = 3, bands: int = 6) -> Visits:
    """n visits, `per_night` in a night, in some of the first bands."""
    rng = np.random.default_rng(seed)
    night = np.arange(n) // per_night
    mjd = STREAM_START + night + 0.1 + 0.02 * (np.arange(n) % per_night)
    return Visits(
        visit_id=np.arange(n, dtype="i8"),
        mjd=mjd,
        ra=np.zeros(n),
        dec=np.zeros(n),
        band=rng.integers(0, bands, n).astype("i1"),
        exposure=np.full(n, 30, "f4"),
        seeing=np.full(n, 0.8, "f4"),
        m5=np.full(n, 24, "f4"),
        sky=np.full(n, 21, "f4"),
        airmass=np.full(n, 1.2, "f4"),
        night=night.astype("i4"),
    )


def make_light_curves(objects: int, visits: int, *, seed: int = 2, missing: float = 0.05) -> LightCurves:
    """Light curves in which each object is seen in a random subset of the visits and detected in some."""
    rng = np.random.default_rng(seed)
    seen = [np.flatnonzero(rng.random(visits) < 0.5).astype("i4") for _ in range(objects)]
    n = sum(map(len, seen))
    flux = rng.normal(1000, 400, n).astype("f4")
    flux[rng.random(n) < missing] = np.nan
    return LightCurves(
        offsets=np.cumsum([0, *map(len, seen)]).astype("i8"),
        visit=np.concatenate([*seen, np.empty(0, "i4")]).astype("i4"),
        flux=flux,
        flux_err=np.full(n, 100, "f4"),
        detected=rng.random(n) < rng.choice([0.0, 0.05, 0.4], objects).repeat(list(map(len, seen))),
        flags=np.zeros(n, "u1"),
    )


def make_objects(n: int, part: tuple[int, int], *, seed: int = SEED) -> DiaObjects:
    """n objects, every third one without a redshift."""
    rng = np.random.default_rng(part[0] * 1000 + part[1])
    z = rng.random(n).astype("f4")
    z[::3] = np.nan
    return DiaObjects(
        object_id=ids.permute(seed, "object", ids.serial(*part, np.arange(n))),
        ra=rng.uniform(0, 360, n),
        dec=rng.uniform(-60, 0, n),
        mwebv=rng.random(n).astype("f4"),
        mwebv_err=rng.random(n).astype("f4"),
        z_final=z,
        z_final_err=np.where(np.isnan(z), np.nan, 0.1).astype("f4"),
    )


def make_hosts(n: int, *, seed: int) -> Hosts:
    """n hosts; every second one is not there."""
    rng = np.random.default_rng(seed)
    absent = np.arange(n) % 2 == 1

    def draw(dtype: str, *width: int) -> Any:
        values = rng.uniform(0.1, 30, (n, *width)).astype(dtype)
        values[absent] = np.nan
        return values

    return Hosts(
        **{n_: draw("f8") for n_ in ("ra", "dec")},
        **{
            n_: draw("f4")
            for n_ in ("sep", "ellipticity", "sqradius", "zspec", "zspec_err", "zphot", "zphot_err")
        },
        zphot_q=draw("f4", 11),
        mag=draw("f4", 6),
        mag_err=draw("f4", 6),
    )


def make_run(
    path: Path,
    parts: dict[str, int] | None = None,
    *,
    visits: int = 90,
    seed: int = SEED,
    bands: tuple[str, ...] = BANDS,
    alike: bool = False,
) -> Folder:
    """A run folder; parts: number of objects by name. alike: every part has the same light curves."""
    parts = {"00-00000": 12, "00-00001": 7, "01-00000": 9} if parts is None else parts
    about = {
        "kind": "run",
        "name": "small",
        "origin": "simulation",
        "seed": seed,
        "bands": list(bands),
        "stream_start": STREAM_START,
    }
    run = Folder.begin(path, about)
    plan = run.file("visits", "all")
    write_table(plan, make_visits(visits, bands=len(bands)))
    for i, (part, n) in enumerate(sorted(parts.items())):
        population, chunk = (int(x) for x in part.split("-"))
        tables = {
            "light_curves": make_light_curves(n, visits, seed=100 + (0 if alike else i)),
            "dia_objects": make_objects(n, (population, chunk), seed=seed),
            "hosts": make_hosts(n, seed=200 + i),
            "hosts2": make_hosts(n, seed=300 + i),
        }
        for table, value in tables.items():
            write_table(run.file(table, part), value)
        run.commit(part, [run.file(t, part) for t in tables] + [plan])
    return run.complete()


class Prior:
    """A broker that gives everyone the same."""

    name = "prior"
    version = "1"
    classes = (2222, 2223, 2332)

    def classify(self, batch: Any) -> Any:
        return np.tile(np.array([0.5, 0.3, 0.2], "f4"), (len(batch), 1))
