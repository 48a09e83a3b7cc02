"""A run scored from its folders: books, policies, reproducibility, errors."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from brokerbench.errors import AccountingError, ConfigError, InputError, UnknownName
from brokerbench.store import Folder, file_sha256, read_table, write_table
from brokerbench.tables import Classifications, Confusion, Ledger, Objects, Scores
from scoring.compare import compare
from scoring.leaderboard import leaderboard, load_scores
from scoring.score import score
from scoring.slices import SLICES
from scoring.spec import Scoring
from tests.scoring.runs import Answering, Survey, answer, guessing, write_run

CLASSES = (2222, 2224, 2323, 2332)
QUICK = Scoring(intervals=False)


def _value(
    folder: Folder, metric: str, classifier: str = "good 1", axis: str = "last", at: float = np.nan
) -> float:
    table = read_table(folder.path / "scores.parquet", Scores)
    position = np.isnan(table.at) if np.isnan(at) else table.at == at
    rows = (table.metric == metric) & (table.classifier == classifier) & (table.axis == axis) & position
    rows &= table.slice == "all"
    assert rows.sum() == 1
    return float(table.value[rows][0])


def _last_labels(run: Folder, name: str) -> tuple[list[int], list[int]]:
    """True and predicted class of each alerted object at its last answer, the slow way."""
    answers = Folder.open(run.path / "answers" / name)
    classes = answers.manifest["classes"]
    true, predicted = [], []
    for part in Folder(run.path / "ledger").parts:
        truth = run.read("truth/objects", part, Objects)
        ledger = Folder(run.path / "ledger").read("ledger", part, Ledger)
        given = answers.read("classifications", part, Classifications)
        mjd = dict(zip(ledger.alert_id.tolist(), ledger.mjd.tolist(), strict=True))
        best: dict[int, tuple[float, int]] = {}
        for k, (alert, item) in enumerate(
            zip(given.alert_id.tolist(), given.object_id.tolist(), strict=True)
        ):
            best[item] = max(best.get(item, (-1.0, -1)), (mjd[alert], k))
        for item, class_id in zip(truth.object_id.tolist(), truth.class_id.tolist(), strict=True):
            if item not in set(ledger.object_id.tolist()):
                continue
            true.append(class_id)
            if item not in best:
                predicted.append(-1)
                continue
            row = given.probability[best[item][1]]
            predicted.append(classes[int(np.argmax(row))])
    return true, predicted


def test_scores_equal_scikit_learn_on_the_same_labels(answered: Folder, tmp_path: Path) -> None:
    folder = score(answered, spec=QUICK, out=tmp_path / "scores")
    for name in ("good", "poor"):
        true, predicted = _last_labels(answered, name)
        want = f1_score(true, predicted, labels=sorted(set(true)), average="macro", zero_division=0)
        assert _value(folder, "macro_f1", f"{name} 1") == pytest.approx(want, abs=1e-12)
        cells = read_table(folder.path / "confusion.parquet", Confusion)
        mine = (cells.classifier == f"{name} 1") & (cells.axis == "last")
        found = {
            (int(t), int(p)): int(n)
            for t, p, n in zip(cells.true_id[mine], cells.predicted_id[mine], cells.count[mine], strict=True)
        }
        pairs = list(zip(true, predicted, strict=True))
        assert found == {pair: pairs.count(pair) for pair in set(pairs)}


def test_the_better_classifier_leads(answered: Folder, tmp_path: Path) -> None:
    folder = score(answered, spec=Scoring(resamples=200), out=tmp_path / "scores")
    for by, axis in (("macro_f1", "last"), ("log_loss", "detection:3"), ("brier", "days:8")):
        board = leaderboard(folder, by=by, axis=axis)
        assert [r["classifier"] for r in board] == ["good 1", "poor 1"]
        assert [r["rank"] for r in board] == [1, 2]
        for row in board:
            assert row["low"] <= row["value"] <= row["high"]
            assert row["n"] > 0
            assert row["missing"] == ""


def test_the_books_of_every_classifier_balance(answered: Folder, tmp_path: Path) -> None:
    _, about = load_scores(score(answered, spec=QUICK, out=tmp_path / "scores"))
    ledger = Folder(answered.path / "ledger")
    alerts = sum(len(ledger.read("ledger", p, Ledger)) for p in ledger.parts)
    for c in about["classifiers"]:
        books = c["accounting"]
        assert books["sent"] == alerts == books["on_time"] + books["late"] + books["missing"]
        ends = ("accepted", "duplicate", "orphan", "invalid", "malformed")
        assert books["received"] == sum(books[k] for k in ends)
        assert sum(c["latency"]["counts"]) == c["latency"]["n"] == books["accepted"]
    good = about["classifiers"][0]
    assert good["accounting"]["missing"] == pytest.approx(0.1 * alerts, abs=3)
    assert good["objects"]["answered"] + good["unanswered"]["last"] == good["objects"]["sent"]


def test_late_answers_are_counted_and_not_used(played: Folder) -> None:
    answer(played, Answering("slow", CLASSES, guessing(CLASSES), delay_s=10.0))
    _, about = load_scores(score(played, spec=Scoring(intervals=False, deadline_s=10.0)))
    books = about["classifiers"][0]["accounting"]
    assert books["late"] > 0.3 * books["sent"]
    assert books["on_time"] > 0.3 * books["sent"]
    _, again = load_scores(score(played, spec=Scoring(intervals=False, deadline_s=1e-3)))
    nobody = again["classifiers"][0]
    assert nobody["accounting"]["on_time"] == nobody["objects"]["answered"] == 0
    table = read_table(played.path / "scores" / "scores.parquet", Scores)
    table = table.take(table.slice == "all")
    assert table.value[table.metric == "recall"].max() == 0
    assert np.isnan(table.value[table.metric == "precision"]).all()
    assert set(table.missing[table.metric == "precision"]) == {"no object was given this class"}


def test_scores_do_not_depend_on_workers_or_the_order_of_messages(answered: Folder, tmp_path: Path) -> None:
    spec = Scoring(resamples=100)
    first = score(answered, spec=spec, out=tmp_path / "one")
    second = score(answered, spec=spec, out=tmp_path / "three", workers=3)
    for name in ("scores.parquet", "confusion.parquet", "scores.json"):
        assert file_sha256(first.path / name) == file_sha256(second.path / name)
    copy = Folder(Path(shutil.copytree(answered.path, tmp_path / "run")))
    for file in (copy.path / "answers").glob("*/classifications/*.parquet"):
        table = read_table(file, Classifications)
        write_table(file, table.take(np.random.default_rng(0).permutation(len(table))))
    third = score(copy, spec=spec, out=tmp_path / "shuffled")
    assert file_sha256(first.path / "scores.parquet") == file_sha256(third.path / "scores.parquet")


def test_scoring_again_replaces_the_scores(answered: Folder, tmp_path: Path) -> None:
    out = tmp_path / "scores"
    score(answered, spec=QUICK, out=out)
    folder = score(answered, spec=Scoring(intervals=False, detections=[2], metrics=["accuracy"]), out=out)
    assert set(read_table(folder.path / "scores.parquet", Scores).metric) == {"accuracy"}
    assert folder.manifest["kind"] == "scores"
    folder.verify()
    assert [p.name for p in tmp_path.iterdir()] == ["scores"]


def test_scores_never_replace_another_folder(answered: Folder) -> None:
    with pytest.raises(InputError, match="expected a scores, got a ledger"):
        score(answered, spec=QUICK, out=answered.path / "ledger")


def test_classes_beyond_the_list_are_left_out_and_counted(answered: Folder, tmp_path: Path) -> None:
    folder = score(answered, spec=Scoring(intervals=False, classes=[2222, 2224]), out=tmp_path / "s")
    table, about = load_scores(folder)
    assert about["classes"] == [2222, 2224]
    rows = (table.metric == "recall") & (table.axis == "last") & (table.classifier == "good 1")
    rows &= table.slice == "all"
    assert table.class_id[rows].tolist() == [2222, 2224]
    assert about["objects"] == table.n[rows].sum()


def test_objects_without_the_nth_detection_are_excluded_there_and_n_says_so(
    answered: Folder, tmp_path: Path
) -> None:
    table, about = load_scores(score(answered, spec=QUICK, out=tmp_path / "s"))
    rows = (table.metric == "accuracy") & (table.classifier == "good 1") & (table.slice == "all")
    n = dict(zip(zip(table.axis[rows], table.at[rows], strict=True), table.n[rows], strict=True))
    assert n["detection", 1.0] == n["days", 2.0] == about["objects"]
    assert n["detection", 10.0] < n["detection", 3.0] < n["detection", 1.0]


def test_the_policy_for_missing_answers_decides(played: Folder) -> None:
    answer(played, Answering("shy", CLASSES, guessing(CLASSES, 8.0), answered=0.2))
    loss = {}
    for missing in ("prior", "worst", "exclude"):
        folder = score(played, spec=Scoring(intervals=False, missing=missing))  # type: ignore[arg-type]
        loss[missing] = _value(folder, "log_loss", "shy 1", "detection", 1.0)
    assert loss["exclude"] < loss["prior"] < loss["worst"]


def test_the_policy_for_ties_decides_and_stands_in_the_scores(played: Folder) -> None:
    def undecided(truth: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.full((len(rows), len(CLASSES)), 1 / len(CLASSES))

    answer(played, Answering("undecided", CLASSES, undecided))
    accuracy = {}
    for ties in ("lowest", "residual"):
        folder = score(played, spec=Scoring(intervals=False, ties=ties))  # type: ignore[arg-type]
        accuracy[ties] = _value(folder, "accuracy", "undecided 1")
        assert load_scores(folder)[1]["spec"]["ties"] == ties
    assert accuracy["residual"] == 0 < accuracy["lowest"]


def test_two_versions_of_one_classifier_have_two_labels(played: Folder) -> None:
    for name in ("a", "b"):
        answer(played, Answering(name, CLASSES, guessing(CLASSES)))
        file = played.path / "answers" / name / "manifest.json"
        manifest = json.loads(file.read_text())
        manifest["classifier"]["name"] = "same"
        manifest["classifier"]["params"] = f"k={name}"
        file.write_text(json.dumps(manifest))
    _, about = load_scores(score(played, spec=QUICK))
    assert [c["label"] for c in about["classifiers"]] == ["same 1 (test) (k=a)", "same 1 (test) (k=b)"]


def test_a_run_that_was_not_played_cannot_be_scored(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=5, parts=1))
    with pytest.raises(InputError, match="expected answers of a classifier, got none"):
        score(run, spec=QUICK)
    shutil.rmtree(run.path / "ledger")
    with pytest.raises(InputError, match="expected a run that was played, got no ledger"):
        score(run, spec=QUICK)
    assert not (run.path / "scores").exists()


def _damaged(run: Folder, **changes: object) -> Folder:
    answer(run, Answering("a", CLASSES, guessing(CLASSES)))
    file = run.path / "answers" / "a" / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest.update(changes)
    file.write_text(json.dumps(manifest))
    return run


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"classes": []}, InputError, "expected class ids in manifest.json, got \\[\\]"),
        ({"classes": [2222, 2222, 2323, 2332]}, InputError, "expected each class once"),
        ({"classes": [2222, 2224, 2323, 111]}, UnknownName, "expected class ids of ELAsTiCC2, got 111"),
        ({"classes": [2222, 2224, 2323]}, InputError, "expected 3 probabilities a row"),
        ({"counts": None}, AccountingError, "expected counts of received and accepted"),
        ({"counts": {"received": 1, "accepted": 1, "lost": 3}}, AccountingError, "got lost"),
        ({"counts": {"received": 5, "accepted": 4}}, AccountingError, "expected received = accepted"),
        ({"counts": {"received": 4, "accepted": 4}}, AccountingError, "expected accepted = on time"),
        ({"parts": {"00-00009": {}}}, AccountingError, "expected parts of the ledger, got 00-00009"),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(
    played: Folder, changes: dict[str, object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        score(_damaged(played, **changes), spec=QUICK)


def test_an_answer_to_an_alert_of_nobody_does_not_balance(played: Folder) -> None:
    answer(played, Answering("a", CLASSES, guessing(CLASSES)))
    file = played.path / "answers" / "a" / "classifications" / "00-00000.parquet"
    table = read_table(file, Classifications)
    ids = table.alert_id.copy()
    ids[2] = 12345
    write_table(file, Classifications(**{**table.as_dict(), "alert_id": ids}))
    with pytest.raises(AccountingError, match="expected answers to alerts of this part, got one to 12345"):
        score(played, spec=QUICK)
    write_table(file, Classifications.concat([table, table.take(np.array([0]))]))
    with pytest.raises(AccountingError, match="expected one accepted answer an alert, got two to"):
        score(played, spec=QUICK)


def test_a_ledger_with_parts_of_another_run_does_not_balance(answered: Folder, tmp_path: Path) -> None:
    copy = Folder(Path(shutil.copytree(answered.path, tmp_path / "run")))
    file = copy.path / "ledger" / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["parts"]["07-00000"] = {}
    file.write_text(json.dumps(manifest))
    with pytest.raises(AccountingError, match="expected parts of the run, got 07-00000"):
        score(copy, spec=QUICK)


def test_unknown_names_are_answered_with_near_ones(answered: Folder, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'macro_f1'"):
        score(answered, spec=Scoring(metrics=["macro_f"]), out=tmp_path / "s")
    with pytest.raises(UnknownName, match="scoring.classes: expected class ids of ELAsTiCC2, got 111"):
        score(answered, spec=Scoring(classes=[111]), out=tmp_path / "s")
    with pytest.raises(InputError, match="expected classes that the run has, got \\[2246\\]"):
        score(answered, spec=Scoring(classes=[2246]), out=tmp_path / "s")
    folder = score(answered, spec=QUICK, out=tmp_path / "s")
    with pytest.raises(UnknownName, match="expected a metric that was scored, got 'f2'"):
        leaderboard(folder, by="f2")
    with pytest.raises(ConfigError, match="expected a metric over all classes, got 'f1'"):
        leaderboard(folder, by="f1")
    (folder.path / "scores.json").write_text("{")
    with pytest.raises(InputError, match="expected the summary of scores"):
        leaderboard(folder)


def test_a_run_in_which_nothing_was_detected_is_an_error(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=4, parts=1, alerts=0))
    answer(run, Answering("a", CLASSES, guessing(CLASSES)))
    with pytest.raises(InputError, match="expected alerts, got none"):
        score(run, spec=QUICK)


def test_equal_values_share_a_rank(played: Folder) -> None:
    for name in ("a", "b"):
        answer(played, Answering(name, CLASSES, lambda t, r, g: np.eye(4)[np.zeros(len(t), int)]))
    assert [r["rank"] for r in leaderboard(score(played, spec=QUICK))] == [1, 1]


def test_denominators_are_all_active_or_answered_objects(answered: Folder, tmp_path: Path) -> None:
    n = {}
    for denominator in ("all", "active", "answered"):
        spec = Scoring(intervals=False, metrics=["accuracy"], denominator=denominator, days=[8.0])  # type: ignore[arg-type]
        table, _ = load_scores(score(answered, spec=spec, out=tmp_path / denominator))
        rows = (table.axis == "days") & (table.classifier == "good 1") & (table.slice == "all")
        n[denominator] = int(table.n[rows][0])
    assert n["active"] < n["answered"] < n["all"]


def test_slices_divide_the_objects(answered: Folder, tmp_path: Path) -> None:
    spec = Scoring(
        intervals=False, slices=["redshift", "alerts", "peak_mag", "snr", "visits"], slice_points=["last"]
    )
    with pytest.raises(InputError, match="scoring.slices: peak_mag: .*; leave this slice out"):
        score(answered, spec=spec, out=tmp_path / "s")
    spec = Scoring(intervals=False, slices=["redshift", "alerts", "snr", "visits"])
    table, about = load_scores(score(answered, spec=spec, out=tmp_path / "s"))
    mine = (table.classifier == "good 1") & (table.metric == "accuracy") & (table.axis == "last")
    n = dict(zip(table.slice[mine].tolist(), table.n[mine].tolist(), strict=True))
    value = dict(zip(table.slice[mine].tolist(), table.value[mine].tolist(), strict=True))
    for title in ("redshift", "alerts", "greatest S/N", "visits"):
        parts = [k for k in n if k.startswith(f"{title}: ")]
        assert sum(n[k] for k in parts) == n["all"] == about["objects"]
        whole = sum(n[k] * value[k] for k in parts) / n["all"]
        assert whole == pytest.approx(value["all"], rel=1e-12)
    counts: dict[str, int] = {}
    for part in Folder(answered.path / "ledger").parts:
        truth = answered.read("truth/objects", part, Objects)
        alerted = set(Folder(answered.path / "ledger").read("ledger", part, Ledger).object_id.tolist())
        for o, z in zip(truth.object_id.tolist(), truth.z.tolist(), strict=True):
            if o in alerted and 0.2 <= z < 0.4:
                counts["z"] = counts.get("z", 0) + 1
    assert n["redshift: 0.2 to 0.4"] == counts["z"]


def test_a_slice_that_is_not_known_is_an_error_with_a_hint(answered: Folder, tmp_path: Path) -> None:
    with pytest.raises(
        UnknownName, match="expected the name of a slice, got 'redshit'; did you mean 'redshift'"
    ):
        score(answered, spec=Scoring(slices=["redshit"]), out=tmp_path / "s")
    with pytest.raises(ConfigError, match="axis: expected a point that was scored, got 'days:99'"):
        score(answered, spec=Scoring(slice_points=["days:99"]), out=tmp_path / "s")


@pytest.mark.parametrize("name", sorted(SLICES))
def test_edges_of_a_slice_belong_to_the_upper_group(name: str) -> None:
    one = SLICES[name]
    edges = np.array(one.edges[1:-1], float)
    below, at = (
        replace(one, value=lambda _, v=v: v).group(None) for v in (np.nextafter(edges, -np.inf), edges)
    )  # type: ignore[arg-type]
    assert (at == below + 1).all()
    assert len(one.labels) == len(one.edges) - 1
    (absent,) = replace(one, value=lambda _: np.array([np.nan])).group(None)  # type: ignore[arg-type]
    assert one.all_labels[absent] == one.none


def test_a_slow_classifier_is_worse_off_in_operations(tmp_path: Path) -> None:
    """Answers that take three days are worth nothing after two, as much as any after the last."""
    run = write_run(tmp_path / "run", Survey(objects=80, parts=1))
    answer(run, Answering("slow", CLASSES, guessing(CLASSES, 3.0), delay_s=3 * 86_400.0))
    value = {}
    for as_of in ("observed", "received"):
        spec = Scoring(intervals=False, metrics=["accuracy"], as_of=as_of)  # type: ignore[arg-type]
        table, about = load_scores(score(run, spec=spec, out=tmp_path / as_of))
        assert about["spec"]["as_of"] == as_of
        for axis, at in (("days", 2.0), ("days", 32.0), ("detection", 3.0)):
            row = (table.axis == axis) & (table.at == at) & (table.slice == "all")
            value[as_of, axis, at] = float(table.value[row][0])
    assert value["received", "days", 2.0] < 0.5 * value["observed", "days", 2.0]
    assert value["received", "days", 32.0] > 0.9 * value["observed", "days", 32.0]
    assert value["received", "detection", 3.0] == value["observed", "detection", 3.0]


def test_classifiers_are_compared_on_the_objects_that_both_answered_often_enough(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=80, parts=1))
    answer(run, Answering("a", CLASSES, guessing(CLASSES), answered=0.6))
    answer(run, Answering("b", CLASSES, guessing(CLASSES), answered=0.7, seed=5))
    spec = Scoring(resamples=100, metrics=["accuracy"], answers=[3])
    table, _ = load_scores(score(run, spec=spec))
    (pair,) = compare(run, spec=spec, axis="answer:3")
    alone = table.n[(table.axis == "answer") & (table.slice == "all")]
    assert 0 < pair.n < alone.min()


def test_a_dask_cluster_gives_the_same_numbers_to_the_last_bit(answered: Folder, tmp_path: Path) -> None:
    distributed = pytest.importorskip("dask.distributed", reason="the extra dask is not installed")
    spec = Scoring(resamples=100, metrics="all")
    alone = score(answered, spec=spec, out=tmp_path / "alone")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, processes=True
    ) as cluster:
        other = score(answered, spec=spec, out=tmp_path / "dask", dask=cluster.scheduler_address)
    for name in ("scores.parquet", "confusion.parquet", "scores.json"):
        assert (alone.path / name).read_bytes() == (other.path / name).read_bytes()


def test_a_cluster_that_is_not_there_is_an_error(
    answered: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = Scoring(intervals=False)
    pytest.importorskip("dask.distributed", reason="the extra dask is not installed")
    with pytest.raises(InputError, match="dask: expected a scheduler at nonsense://, got none"):
        score(answered, spec=spec, out=tmp_path / "s", dask="nonsense://")
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(ConfigError, match=r"got none; install brokerbench\[dask\]"):
        score(answered, spec=spec, out=tmp_path / "s", dask="tcp://127.0.0.1:1")
