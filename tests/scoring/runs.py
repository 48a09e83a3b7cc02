"""Runs written folder by folder as docs/runs.md says, without simulating anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brokerbench.ids import permute, serial
from brokerbench.rng import stream
from brokerbench.store import Folder, write_table
from brokerbench.tables import NO_TIME, Classifications, Ledger, LightCurves, Objects, Visits

FIRST_MJD = 61000.0
START_US = 1_700_000_000_000_000


@dataclass(frozen=True)
class Survey:
    """Sizes of a synthetic run."""

    objects: int = 200  # a part
    parts: int = 2
    classes: tuple[int, ...] = (2222, 2224, 2323, 2332)
    alerts: int = 12  # at most, an object
    seed: int = 7


def write_run(path: Path, survey: Survey) -> Folder:
    """A run with truth and ledger."""
    begun = Folder.begin(
        path, {"kind": "run", "name": path.name, "origin": "simulation", "seed": survey.seed}
    )
    ledgers = {}
    for part in range(survey.parts):
        name = f"00-{part:05d}"
        truth, ledgers[name] = one_part(survey, part)
        begun.commit(name, [_put(begun, "truth/objects", name, truth)])
    _put_light_curves(begun, ledgers)
    run = begun.complete()
    ledger = Folder.begin(path / "ledger", {"kind": "ledger"})
    for name, table in ledgers.items():
        ledger.commit(name, [_put(ledger, "ledger", name, table)])
    ledger.complete()
    return run


def _put_light_curves(run: Folder, ledgers: dict[str, Ledger]) -> None:
    """A visit for each alert, and a light curve of detections for each object of the truth."""
    mjd = np.concatenate([table.mjd for table in ledgers.values()])
    n = len(mjd)
    nan4 = np.full(n, np.nan, "f4")
    band = (np.arange(n) % 6).astype("i1")
    visits = Visits(
        visit_id=np.arange(n), mjd=mjd, ra=np.full(n, np.nan), dec=np.full(n, np.nan), band=band,
        exposure=nan4, seeing=nan4, m5=nan4, sky=nan4, airmass=nan4, night=np.zeros(n, "i4"),
    )  # fmt: skip
    run.commit("all", [_put(run, "visits", "all", visits)])
    first = 0
    for part, table in ledgers.items():
        truth = run.read("truth/objects", part, Objects)
        row = {o: i for i, o in enumerate(truth.object_id.tolist())}
        item = np.array([row[o] for o in table.object_id.tolist()], "i8")
        order = np.lexsort((table.mjd, item))
        counts = np.bincount(item, minlength=len(truth))
        flux = (500 + 3000 * np.exp(-(((table.mjd[order] - FIRST_MJD - 15) / 12) ** 2))).astype("f4")
        curves = LightCurves(
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype("i8"),
            visit=(first + order).astype("i4"),
            flux=flux,
            flux_err=np.full(len(flux), 90, "f4"),
            detected=np.ones(len(flux), "?"),
            flags=np.zeros(len(flux), "u1"),
        )
        first += len(table)
        _put(run, "light_curves", part, curves)


def one_part(survey: Survey, part: int) -> tuple[Objects, Ledger]:
    """Truth and ledger of one part."""
    rng = stream(survey.seed, "test", part)
    n = survey.objects
    truth = Objects(
        object_id=permute(survey.seed, "object", serial(0, part, np.arange(n))),
        source=np.zeros(n, "i2"),
        class_id=rng.choice(np.array(survey.classes, "i4"), n),
        ra=rng.uniform(0, 360, n),
        dec=rng.uniform(-60, 0, n),
        z=rng.uniform(0.05, 0.6, n).astype("f4"),
        t0=np.full(n, FIRST_MJD + 20.0),
        ebv_mw=np.full(n, 0.05, "f4"),
        host=np.full(n, -1, "i8"),
    )
    counts = rng.integers(0, survey.alerts + 1, n)  # some objects never send an alert
    item = np.repeat(np.arange(n), counts)
    detection = np.arange(len(item)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    gaps = rng.uniform(0.5, 6.0, len(item))
    mjd = FIRST_MJD + rng.uniform(0, 5, n)[item] + _running(gaps, counts)
    order = rng.permutation(len(item))
    order = order[np.argsort(mjd[order], kind="stable")]
    sent = START_US + np.round((mjd - FIRST_MJD) * 1e6).astype("i8")
    ledger = Ledger(
        alert_id=permute(survey.seed, "alert", serial(0, part, np.arange(len(item))))[order],
        object_id=truth.object_id[item][order],
        mjd=mjd[order],
        detection=detection.astype("i4")[order],
        planned=((mjd - FIRST_MJD) * 1.0)[order],
        sent=sent[order],
        partition=np.zeros(len(item), "i4"),
        offset=np.arange(len(item), dtype="i8"),
    )
    return truth, ledger


def _running(gaps: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sums of the gaps within each object."""
    total = np.cumsum(gaps)
    before = np.concatenate([[0.0], total])[np.cumsum(counts) - counts]
    return total - np.repeat(before, counts)


Classify = Callable[[np.ndarray, Ledger, np.random.Generator], np.ndarray]
"""True class of each alert, its ledger row, rng -> probabilities f4[m, K]."""


@dataclass(frozen=True)
class Answering:
    """How a synthetic classifier answers."""

    name: str
    classes: tuple[int, ...]
    classify: Classify
    answered: float = 1.0  # fraction of alerts
    delay_s: float = 1.0  # median of the latency
    seed: int = 3


def answer(run: Folder, how: Answering, *, ledger: str = "ledger") -> Folder:
    """The folder of answers of one classifier."""
    sent = Folder.open(run.path / ledger)
    folder = Folder.begin(
        run.path / "answers" / how.name,
        {
            "kind": "answers",
            "classes": list(how.classes),
            "classifier": {"broker": "test", "version": "1", "name": how.name, "params": ""},
        },
    )
    accepted = 0
    for part in sent.parts:
        truth = run.read("truth/objects", part, Objects)
        rows = sent.read("ledger", part, Ledger)
        table = answers_of(truth, rows, how, part=part)
        accepted += len(table)
        folder.commit(part, [_put(folder, "classifications", part, table)])
    counts = {
        "received": accepted + 3,
        "accepted": accepted,
        "duplicate": 2,
        "orphan": 1,
        "invalid": 0,
        "malformed": 0,
    }
    return folder.complete(counts=counts)


def answers_of(truth: Objects, rows: Ledger, how: Answering, *, part: str) -> Classifications:
    """Answers of one part, in random order."""
    rng = stream(how.seed, "answers", how.name, part)
    by_id = dict(zip(truth.object_id.tolist(), truth.class_id.tolist(), strict=True))
    true = np.array([by_id[o] for o in rows.object_id.tolist()], "i4")
    probability = how.classify(true, rows, rng).astype("f4")
    delay = np.round(how.delay_s * 1e6 * rng.lognormal(0, 0.5, len(rows))).astype("i8")
    kept = rng.permutation(len(rows))[: round(how.answered * len(rows))]
    unknown = np.full(len(kept), NO_TIME, "i8")
    return Classifications(
        alert_id=rows.alert_id[kept],
        object_id=rows.object_id[kept],
        classifier=np.zeros(len(kept), "i2"),
        sent=rows.sent[kept],
        published=rows.sent[kept] + delay[kept],
        received=rows.sent[kept] + delay[kept] + 1000,
        claimed_publish=unknown,
        claimed_ingest=unknown,
        probability=probability[kept],
    )


def guessing(classes: tuple[int, ...], skill: float = 2.0) -> Classify:
    """Dirichlet answers that lean towards the truth, more so at later detections."""

    def classify(true: np.ndarray, rows: Ledger, rng: np.random.Generator) -> np.ndarray:
        alpha = np.ones((len(true), len(classes)))
        lean = skill * (1 + 0.3 * rows.detection)
        for k, c in enumerate(classes):
            alpha[true == c, k] += lean[true == c]
        drawn = rng.standard_gamma(alpha)
        return drawn / drawn.sum(1, keepdims=True)

    return classify


def _put(folder: Folder, table: str, part: str, value: object) -> Path:
    file = folder.file(table, part)
    write_table(file, value)  # type: ignore[arg-type]
    return file
