"""Whether a run tells its classes by what is not physics: ids, order, digits, places, seasons, nulls."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.rng import stream
from brokerbench.store import Folder
from brokerbench.tables import FLAG_LEFT_OUT, FLAG_NO_MODEL, DiaObjects, LightCurves, Objects, Visits

__all__ = ["COLUMNS", "Leak", "columns_without_physics", "leak_score"]

Array = NDArray[np.float64]

COLUMNS = (
    "id",
    "id_last_bits",
    "id_last_digit",
    "ra",
    "dec",
    "ra_digits",
    "dec_digits",
    "mwebv",
    "mwebv_digits",
    "visits",
    "first_visit",
    "last_visit",
    "season_phase",
    "bands",
    "nulls",
)
"""What a participant sees of an object apart from fluxes, hosts and detections."""


FOLDS = 3


class Leak(NamedTuple):
    """Share of objects whose class was guessed, what guessing gives, and the difference in sigmas."""

    accuracy: float
    chance: float
    sigma: float
    objects: int


def columns_without_physics(run: Folder) -> tuple[Array, NDArray[np.int32]]:
    """The `COLUMNS` f8[n, c] of all objects of a run, and their true classes i4[n].

    In the order of the ids, as nobody sees parts. Nulls are those of light curves; that Galactic
    objects have no host and no redshift is physics.
    """
    mjd, band = (getattr(run.read("visits", "all", Visits), c) for c in ("mjd", "band"))
    blocks, classes = [], []
    for part in run.parts:
        seen = run.read("dia_objects", part, DiaObjects)
        curves = run.read("light_curves", part, LightCurves)
        classes.append(run.read("truth/objects", part, Objects).class_id)
        blocks.append(_block(seen, curves, mjd, band))
    table, labels = np.concatenate(blocks), np.concatenate(classes)
    order = np.argsort(table[:, 0], kind="stable")
    return table[order], labels[order]


def _block(seen: DiaObjects, curves: LightCurves, mjd: Array, band: NDArray[np.int8]) -> Array:
    n = len(seen)
    offsets, counts = curves.offsets, np.diff(curves.offsets)
    some = counts > 0
    first, last, span = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    first[some] = mjd[curves.visit[offsets[:-1][some]]]
    last[some] = mjd[curves.visit[offsets[1:][some] - 1]]
    span[some] = (first[some] + seen.ra[some] * 365.25 / 360) % 365.25
    row = np.repeat(np.arange(n), counts)
    bands = np.zeros(n, "i8")
    np.bitwise_or.at(bands, row, 1 << band[curves.visit].astype("i8"))
    told = curves.flags & (FLAG_NO_MODEL | FLAG_LEFT_OUT) > 0
    without = np.bincount(row, np.isnan(curves.flux) & ~told, n)
    values = (
        seen.object_id.astype("f8"),
        (seen.object_id & 0xFFF).astype("f8"),
        (seen.object_id % 10).astype("f8"),
        seen.ra,
        seen.dec,
        seen.ra * 1e6 % 1.0,
        seen.dec * 1e6 % 1.0,
        seen.mwebv.astype("f8"),
        seen.mwebv.astype("f8") * 1e5 % 1.0,
        counts.astype("f8"),
        first,
        last,
        span,
        bands.astype("f8"),
        without,
    )
    return np.stack(values, axis=1)


def leak_score(table: Array, labels: NDArray[np.int32], *, seed: int, per_class: int = 500) -> Leak:
    """How well boosted trees guess classes from a table f8[n, c], on objects they have not seen.

    Classes are balanced (`per_class` objects at most of each), three folds. No leak: a sigma of a few
    at most. Raises InputError where there are fewer than two classes of 20 objects.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    rng = stream(seed, "leaks")
    ids, counts = np.unique(labels, return_counts=True)
    size = int(min(per_class, counts.min(initial=per_class)))
    if len(ids) < 2 or size < 20:
        raise InputError(f"leaks: expected two classes of 20 objects or more, got {len(ids)} of {size}")
    rows = np.concatenate([rng.permutation(np.flatnonzero(labels == c))[:size] for c in ids])
    rng.shuffle(rows)
    right = 0
    for fold in range(FOLDS):
        test = np.arange(len(rows)) % FOLDS == fold
        model = HistGradientBoostingClassifier(max_iter=30, max_depth=3, max_bins=64, random_state=0)
        with threadpool_limits(1):  # the trees are small: threads only wait for one another
            model.fit(table[rows[~test]], labels[rows[~test]])
            right += int((model.predict(table[rows[test]]) == labels[rows[test]]).sum())
    n, chance = len(rows), 1 / len(ids)
    sigma = (right / n - chance) / np.sqrt(chance * (1 - chance) / n)
    return Leak(right / n, chance, float(sigma), n)
