"""Known mistakes of other scorers (TOM, elasticc_metrics, proclam, astrorapid), none of them made here.

Numbered as they were found by reading that code; the compatible tables of scoring.compat keep what
they are compatible with, the metrics do not.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from brokerbench.errors import InputError, UnknownName
from brokerbench.store import Folder, read_table
from brokerbench.tables import Classifications, Confusion, Ledger, Objects
from brokerbench.taxonomy import ELASTICC2
from scoring.axes import Point
from scoring.compat import PROBABILITY_BINS, tom_tables, width_bucket
from scoring.convert import convert
from scoring.join import match
from scoring.latency import count_latencies
from scoring.leaderboard import load_scores
from scoring.metric import METRICS
from scoring.reliability import BINS, bin_of
from scoring.score import score
from scoring.spec import Scoring
from scoring.submission import Policy
from scoring.timeline import in_force, sent
from scoring.tree import lineage
from tests.scoring.messages import Message, container, messages
from tests.scoring.runs import Answering, Survey, answer, answers_of, guessing, one_part, write_run
from tests.scoring.snapshots import layout_of, random_case, snapshot_of, value_of

CLASSES = (2222, 2224, 2323, 2332)
LAYOUT = layout_of()


def test_01_periodic_is_the_parent_of_every_periodic_class() -> None:
    """The TOM's map named Recurring/Other (20) where it meant Periodic (21)."""
    assert ELASTICC2.from_v1([20, 21]).tolist() == [2310, 2320]
    for name in ("Cepheid", "RR Lyrae", "Delta Scuti", "EB", "LPV/Mira"):
        assert lineage(ELASTICC2.id_of(name))[-2] == 2320


def test_02_duplicates_are_dropped_across_messages(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=20, parts=1, alerts=3))
    given = messages(run)
    found = convert(container(tmp_path / "s.avro", given * 3, "v0_9_1"), run, policy=Policy())
    assert found.counts["duplicate"] == 2 * len(given)
    assert found.counts["accepted"] == len(given)


def test_03_a_probability_of_one_is_in_the_last_bin() -> None:
    assert bin_of(np.array([1.0])) == BINS - 1
    assert width_bucket(np.array([1.0]), 0, 1, 20) == 21  # the compatible tables keep the overflow


def test_04_edges_belong_to_the_same_side_in_numerator_and_denominator() -> None:
    truth, ledger = one_part(Survey(objects=30, alerts=6), 0)
    how = Answering("a", CLASSES, guessing(CLASSES))
    answers = answers_of(truth, ledger, how, part="00-00000")
    alerts = sent(truth, ledger, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    exact = float(alerts.mjd[alerts.object == 0].max())
    at = (Point("date", exact),)
    assert in_force(alerts, answers, row=row, points=at)[0, 0] >= 0
    assert alerts.mjd[row[in_force(alerts, answers, row=row, points=at)[0, 0]]] == exact


def test_05_a_prediction_is_the_largest_of_one_answer_not_the_luckiest_of_a_day() -> None:
    """Two objects of one day: each counts with its own class, not with the surest of the two."""
    probability = np.array([[0.9, 0.1, 0, 0, 0], [0.4, 0.6, 0, 0, 0]])
    cells = METRICS["accuracy"].state.count(snapshot_of(np.array([0, 0]), probability, layout=LAYOUT))[
        "cells"
    ]
    assert cells[0, LAYOUT.columns.index(2222)] == cells[0, LAYOUT.columns.index(2223)] == 1


def test_06_no_night_is_dropped_from_completeness(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=60, parts=2))
    answer(run, Answering("a", CLASSES, guessing(CLASSES), answered=0.8))
    _, about = load_scores(score(run, spec=Scoring(intervals=False)))
    nights = about["classifiers"][0]["nights"]
    books = about["classifiers"][0]["accounting"]
    assert sum(n[1] for n in nights) == books["sent"]
    assert sum(n[2] for n in nights) == books["on_time"]
    assert [n[0] for n in nights] == sorted({n[0] for n in nights})


def test_07_fast_and_negative_latencies_are_not_clipped() -> None:
    some = count_latencies(np.array([-1_000_000, 100, 2_000, 500_000], "i8"))
    assert some.negative == 1
    assert some.percentile(75) == pytest.approx(0.002, rel=1e-3)
    assert some.low == -1_000_000


def test_08_the_last_answer_is_the_same_in_any_order(tmp_path: Path) -> None:
    truth, ledger = one_part(Survey(objects=30, alerts=6), 0)
    level = Ledger(**{**ledger.as_dict(), "mjd": np.full(len(ledger), 61000.0)})
    how = Answering("a", CLASSES, guessing(CLASSES))
    answers = answers_of(truth, ledger, how, part="00-00000")
    alerts = sent(truth, level, where="t")
    same = Classifications(**{**answers.as_dict(), "published": np.zeros(len(answers), "i8")})
    for given in (answers, same):  # published one after the other, and all at once
        named = []
        for seed in range(4):
            some = given.take(np.random.default_rng(seed).permutation(len(given)))
            row = match(alerts.alert_id, some.alert_id)
            got = in_force(alerts, some, row=row, points=(Point("last", math.nan),))
            named.append(some.alert_id[got[:, 0]].tolist())
        assert all(n == named[0] for n in named)


def test_09_an_unknown_class_id_is_counted_and_not_fatal(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=20, parts=1, alerts=3))
    given = messages(run)
    given[0].pairs = [(31337, 1.0)]
    given[1].pairs = [(300, 1.0)]
    found = convert(container(tmp_path / "s.avro", given, "v0_9_1"), run, policy=Policy())
    assert found.findings.counts["known_class"] == 1
    folder = score(run, spec=Scoring(intervals=False))
    cells = read_table(folder.path / "confusion.parquet", Confusion)
    assert set(cells.predicted_id[cells.axis == "last"].tolist()) <= {*CLASSES, 200, 300, -1}


def test_10_last_means_last_and_never_the_best(tmp_path: Path) -> None:
    """Right at first and wrong at last: the last counts, the compatible `best` says otherwise."""

    def classify(true: np.ndarray, rows: Ledger, rng: np.random.Generator) -> np.ndarray:
        k = np.searchsorted(CLASSES, true)
        first = rows.detection == 1
        p = np.full((len(true), 4), 0.0)
        p[np.arange(len(true)), np.where(first, k, (k + 1) % 4)] = np.where(first, 0.9, 0.6)
        p[np.arange(len(true)), np.where(first, (k + 1) % 4, k)] += np.where(first, 0.1, 0.4)
        return p

    run = write_run(tmp_path / "run", Survey(objects=40, parts=1, alerts=4))
    answer(run, Answering("a", CLASSES, classify))
    tom = tom_tables(run, "a")
    table, about = load_scores(score(run, spec=Scoring(intervals=False, metrics=["accuracy"])))
    last = float(table.value[(table.axis == "last") & (table.slice == "all")][0])
    once = (np.trace(tom.last) / tom.last.sum(), np.trace(tom.best) / tom.best.sum())
    assert last == pytest.approx(once[0])
    assert once[1] == 1
    assert last < 0.5


def test_11_and_12_reading_a_submission_again_counts_it_once(tmp_path: Path) -> None:
    """The same file twice in a folder: every message of the second is a duplicate, whatever its offset."""
    run = write_run(tmp_path / "run", Survey(objects=20, parts=1, alerts=3))
    given = messages(run)
    folder = tmp_path / "again"
    folder.mkdir()
    for name in ("a.avro", "b.avro"):
        container(folder / name, given, "v0_9_1")
    found = convert(folder, run, policy=Policy())
    assert found.counts["duplicate"] == found.counts["accepted"] == len(given)


def test_13_days_are_compared_as_they_are_not_rounded() -> None:
    truth, ledger = one_part(Survey(objects=30, alerts=6), 0)
    how = Answering("a", CLASSES, guessing(CLASSES))
    answers = answers_of(truth, ledger, how, part="00-00000")
    alerts = sent(truth, ledger, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    first = {int(ledger.object_id[k]): ledger.mjd[k] for k in np.flatnonzero(ledger.detection == 1)}
    checked = 0
    for second in np.flatnonzero(ledger.detection == 2):
        days = float(ledger.mjd[second] - first[int(ledger.object_id[second])])
        item = alerts.object[second]
        for limit, detection in ((days - 1e-4, 1), (days, 2)):
            got = in_force(alerts, answers, row=row, points=(Point("days", limit),))[item, 0]
            assert ledger.detection[row[got]] == detection
        checked += 0.001 < days % 1 < 0.999  # where rounding up or down would tell
    assert checked > 5


def test_14_an_empty_class_brier_and_the_matrix_are_not_proclams() -> None:
    true, probability = random_case(1, 200)
    true[true == 4] = 3  # a class without objects
    seen = snapshot_of(true, probability, layout=LAYOUT)
    per_class = [-np.log(probability[true == t, t]).mean() for t in range(4)]
    assert value_of("macro_log_loss", seen)[0] == pytest.approx(np.mean(per_class))  # not / 5
    brier = ((probability - np.eye(5)[true]) ** 2).sum(1).mean()
    assert value_of("brier", seen)[0] == pytest.approx(brier)  # not / number of classes
    own = [LAYOUT.columns.index(c) for c in LAYOUT.truth]
    cells = METRICS["accuracy"].state.count(seen)["cells"][:, own]
    assert (cells == sk.confusion_matrix(true, probability.argmax(1), labels=range(5))).all()


def test_15_nothing_comes_from_the_future_and_weights_stay_with_their_classes() -> None:
    """The sure answer of day 10 says nothing of day 9; kilonovae weigh 2 wherever their id sorts."""
    truth, ledger = one_part(Survey(objects=30, alerts=6), 0)
    how = Answering("a", CLASSES, guessing(CLASSES))
    answers = answers_of(truth, ledger, how, part="00-00000")
    alerts = sent(truth, ledger, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    for day in (0.0, 1.0, 4.0, 9.0):
        got = in_force(alerts, answers, row=row, points=(Point("days", day),))[:, 0]
        assert (alerts.coordinate[2][row[got[got >= 0]]] <= day + 1e-9).all()
    true = np.array([0, 0, 3])  # Ia, Ia, KN
    p = np.tile([0.5, 0.1, 0.1, 0.1, 0.2], (3, 1))
    loss = -(math.log(0.5) * 1 + math.log(0.1) * 2) / 3
    assert value_of("plasticc_log_loss", snapshot_of(true, p, layout=LAYOUT))[0] == pytest.approx(loss)
    reverse = layout_of(tuple(reversed(LAYOUT.truth)), LAYOUT.truth)
    assert value_of("plasticc_log_loss", snapshot_of(true, p[:, ::-1], layout=reverse))[0] == pytest.approx(
        loss
    )


# the compatible tables


def test_the_tables_of_the_tom_are_as_it_defines_them(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=40, parts=2, alerts=5))
    answer(run, Answering("a", CLASSES, guessing(CLASSES), answered=0.8))
    tom = tom_tables(run, "a", nth=2)
    folder = Folder(run.path / "answers" / "a")
    n_answers = sum(folder.manifest["parts"][p] is not None for p in folder.parts)
    assert n_answers == 2
    accepted = folder.manifest["counts"]["accepted"]
    assert tom.probabilities.sum() == accepted * 4 == tom.phases.sum()
    assert tom.last.sum() == tom.best.sum()  # objects with an answer; the others are left out
    assert tom.nth.sum() < tom.last.sum()
    assert (tom.probabilities == tom.phases.sum(2)).all()
    assert tom.probabilities.shape[-1] == PROBABILITY_BINS + 2
    defined = ~np.isnan(tom.mean_probability)
    assert ((tom.mean_probability[defined] >= 0) & (tom.mean_probability[defined] <= 1)).all()
    assert np.nansum(tom.mean_probability[0], 0)[defined[0].all(0)] == pytest.approx(1, abs=1e-5)


def test_the_tables_of_the_tom_answer_by_answer(tmp_path: Path) -> None:
    """Every table again from the files, one answer after the other."""
    run = write_run(tmp_path / "run", Survey(objects=40, parts=2, alerts=5))
    answer(run, Answering("a", CLASSES, guessing(CLASSES), answered=0.8))
    tom = tom_tables(run, "a", nth=2)
    folder, ledgers = Folder(run.path / "answers" / "a"), Folder(run.path / "ledger")
    want = {name: np.zeros_like(getattr(tom, name)) for name in ("last", "best", "nth", "phases")}
    stated = np.zeros(tom.mean_probability.shape)
    for part in ledgers.parts:
        ledger, truth = ledgers.read("ledger", part, Ledger), run.read("truth/objects", part, Objects)
        alert = {a: k for k, a in enumerate(ledger.alert_id.tolist())}
        true = {o: k for k, o in enumerate(truth.object_id.tolist())}
        given = folder.read("classifications", part, Classifications)
        of: dict[int, list[tuple[float, int, np.ndarray]]] = {}
        for k in range(len(given)):
            a = alert[int(given.alert_id[k])]
            item = true[int(ledger.object_id[a])]
            of.setdefault(item, []).append((ledger.mjd[a], int(ledger.detection[a]), given.probability[k]))
        for item, told in of.items():
            t = tom.true.index(int(truth.class_id[item]))
            want["last"][t, max(told, key=lambda x: x[0])[2].argmax()] += 1
            want["best"][t, max(told, key=lambda x: x[2].max())[2].argmax()] += 1
            for mjd, detection, p in told:
                if detection == 2:
                    want["nth"][t, p.argmax()] += 1
                phase = math.floor((mjd - truth.t0[item] + 30) / 5) + 1
                phase = min(max(phase, 0), 27)
                for k, value in enumerate(p.astype(float)):
                    want["phases"][t, k, phase, math.floor(value * 20) + 1] += 1
                    stated[t, k, phase] += value
    for name, table in want.items():
        np.testing.assert_array_equal(getattr(tom, name), table, err_msg=name)
    n = want["phases"].sum(-1)
    np.testing.assert_allclose(tom.mean_probability[n > 0], (stated / np.maximum(n, 1))[n > 0])
    assert np.isnan(tom.mean_probability[n == 0]).all()


def test_width_bucket_is_postgresqls() -> None:
    """SELECT width_bucket(x, 0, 1, 20) for each x."""
    values = np.array([-0.01, 0.0, 0.049, 0.05, 0.5, 0.999, 1.0, 1.5])
    assert width_bucket(values, 0, 1, 20).tolist() == [0, 1, 1, 2, 11, 20, 21, 21]


def test_compatible_tables_of_nobody_are_an_error(answered: Folder) -> None:
    with pytest.raises(UnknownName, match="compat: expected a classifier, got 'goood'; did you mean 'good'"):
        tom_tables(answered, "goood")
    with pytest.raises(InputError, match="expected nth of at least 1, got 0"):
        tom_tables(answered, "good", nth=0)


PUBLISHED = {2222: 55.85, 2225: 10.05, 2223: 8.73, 2224: 8.46, 2242: 4.49, 2246: 3.86, 2245: 3.25,
             2226: 2.44, 2243: 1.45, 2244: 0.84, 2232: 0.49, 2332: 0.09}  # fmt: skip
OBJECTS = 854_935


def test_the_published_row_of_true_ia_comes_out_of_its_counts() -> None:
    """ALeRCE TinkyWinky on ELAsTiCC2, true Ia: percent of 854,935 objects (elasticc2_rest_metric_demo)."""
    classes = tuple(sorted(PUBLISHED))
    counts = np.array([round(PUBLISHED[c] / 100 * OBJECTS) for c in classes])
    assert counts.sum() / OBJECTS == pytest.approx(1, abs=2e-4)  # rounded percents
    lay = layout_of(classes, classes)
    state = METRICS["recall"].state
    one = snapshot_of(np.full(len(classes), classes.index(2222)), np.eye(len(classes)), layout=lay)
    cells = state.count(one)["cells"].copy()
    row = classes.index(2222)
    cells[row, lay.target] = counts
    seen = state.statistics(lay, {"cells": cells})
    recall = METRICS["recall"].value(seen)
    assert 100 * recall[row] == pytest.approx(55.85, abs=0.02)
    assert np.isnan(np.delete(recall, row)).all()  # no other true class is published
    by_truth = 100 * cells[row, lay.target] / cells[row].sum()
    for c, value in zip(classes, by_truth, strict=True):
        assert value == pytest.approx(PUBLISHED[c], abs=0.02)
    drawn = METRICS["recall"].value(
        state.resample(lay, {"cells": cells}, rng=np.random.default_rng(0), n=200)
    )
    # sqrt(p (1 - p) / n) of 854,935 objects is 0.054 %
    assert 100 * drawn[:, row].std() == pytest.approx(0.0537, rel=0.2)


def test_plasticcs_score_of_its_training_objects_is_the_formula(shared_data: Path) -> None:
    """The frequencies of the 7,848 unblinded training objects as everyone's answer."""
    import pandas as pd

    from brokerbench.taxonomy import PLASTICC

    table = pd.read_csv(shared_data / "05_challenge_data" / "plasticc" / "plasticc_train_metadata.csv")
    target = table["target"].to_numpy()
    class_id = PLASTICC.to_elasticc2(target)
    classes = tuple(int(c) for c in np.unique(class_id[class_id >= 0]))
    true = np.searchsorted(classes, class_id[class_id >= 0])
    share = np.bincount(true) / len(true)
    lay = layout_of(classes, classes)
    value = value_of("plasticc_log_loss", snapshot_of(true, np.tile(share, (len(true), 1)), layout=lay))[0]
    w = PLASTICC.weights_of(classes)
    assert value == pytest.approx(-(w * np.log(share)).sum() / w.sum(), rel=1e-12)
    assert w.sum() >= len(classes)


def test_objects_of_other_ids_score_the_same(tmp_path: Path) -> None:
    """Relabelling: the same survey under another key of ids."""
    from brokerbench.store import write_table

    run = write_run(tmp_path / "run", Survey(objects=80, parts=1))
    answer(run, Answering("a", CLASSES, guessing(CLASSES)))
    before, _ = load_scores(score(run, spec=Scoring(intervals=False)))
    change = np.random.default_rng(1).permutation(1 << 16)

    def moved(ids: np.ndarray) -> np.ndarray:
        return ids ^ np.int64(0x5A5A5A5A5A) ^ np.int64(change[0])

    for file, kind in (
        (run.path / "truth/objects/00-00000.parquet", Objects),
        (run.path / "ledger/ledger/00-00000.parquet", Ledger),
        (run.path / "answers/a/classifications/00-00000.parquet", Classifications),
    ):
        table = read_table(file, kind)
        ids = {k: moved(getattr(table, k)) for k in ("object_id", "alert_id") if hasattr(table, k)}
        write_table(file, replace(table, **ids))
    after, _ = load_scores(score(run, spec=Scoring(intervals=False)))
    same = before.metric != "threshold_f1"  # its two halves are drawn by id
    np.testing.assert_allclose(after.value[same], before.value[same], rtol=1e-12)
    assert (after.n == before.n).all()


def test_no_message_of_a_submission_is_ever_lost(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=40, parts=2, alerts=4))
    given = messages(run)
    rng = np.random.default_rng(3)
    for m in given:
        kind = rng.integers(0, 8)
        if kind == 0:
            m.pairs = []
        elif kind == 1:
            m.alert_id = int(rng.integers(0, 1 << 52))
        elif kind == 2:
            given = [*given, Message(m.alert_id, m.object_id, m.pairs)]
    found = convert(container(tmp_path / "s.avro", given, "v0_9_1"), run, policy=Policy())
    counts = found.counts
    ends = ("accepted", "duplicate", "orphan", "invalid", "malformed")
    assert counts["received"] == len(given) == sum(counts[k] for k in ends)
    assert min(counts[k] for k in ("duplicate", "orphan", "invalid")) > 0
    score(run, spec=Scoring(intervals=False))
