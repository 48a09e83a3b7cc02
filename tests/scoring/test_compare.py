"""Two classifiers on the same objects."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from brokerbench.errors import ConfigError, InputError, UnknownName
from brokerbench.store import Folder
from scoring import paired, ranks
from scoring.comparable import POLICIES, check_comparable
from scoring.compare import compare, differences
from scoring.leaderboard import leaderboard, load_scores
from scoring.metric import METRICS
from scoring.paired import Sides, drawn, merged, piece
from scoring.pairs import holm, joint, mcnemar, merge_joints, resample_joint
from scoring.score import score
from scoring.snapshot import Nightly, Snapshot
from scoring.spec import Scoring
from scoring.states import Cells
from scoring.ties import tie_groups
from tests.scoring.runs import Answering, Survey, answer, guessing, write_run
from tests.scoring.snapshots import layout_of, random_case, snapshot_of, value_of

CLASSES = (2222, 2224, 2323, 2332)
SPEC = Scoring(resamples=400, metrics=["macro_f1", "log_loss", "accuracy"])
LAYOUT = layout_of()


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A run with two like classifiers and a worse one, each missing some answers."""
    run = write_run(tmp_path_factory.mktemp("compare") / "run", Survey(objects=250, parts=2))
    answer(run, Answering("one", CLASSES, guessing(CLASSES, 1.0), answered=0.9))
    answer(run, Answering("other", (*CLASSES, 200), guessing((*CLASSES, 200), 1.0), seed=4))
    answer(run, Answering("worse", CLASSES, guessing(CLASSES, 0.1)))
    return run


def test_a_better_classifier_is_found_better_and_like_ones_are_not(three: Folder) -> None:
    pairs = {(p.a, p.b): p for p in compare(three, spec=SPEC)}
    assert set(pairs) == {("one 1", "other 1"), ("one 1", "worse 1"), ("other 1", "worse 1")}
    for a in ("one 1", "other 1"):
        for d in pairs[a, "worse 1"].differences:
            assert d.better == a
            assert d.low <= d.difference <= d.high
            assert (d.difference > 0) == (d.metric != "log_loss")
            assert d.holm >= d.p
        assert pairs[a, "worse 1"].mcnemar_holm < 0.01


def test_the_values_are_those_of_the_scores(three: Folder, tmp_path: Path) -> None:
    table, _ = load_scores(score(three, spec=Scoring(intervals=False), out=tmp_path / "s"))
    for pair in compare(three, spec=SPEC, axis="detection:3"):
        for d in pair.differences:
            for label, value in ((pair.a, d.a), (pair.b, d.b)):
                row = (table.classifier == label) & (table.metric == d.metric) & (table.axis == "detection")
                row &= (table.at == 3) & (table.slice == "all")
                assert value == pytest.approx(table.value[row][0], rel=1e-12)
                assert pair.n == table.n[row][0]


def test_a_classifier_against_itself_differs_in_nothing(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=80, parts=1))
    for name in ("a", "b"):
        answer(run, Answering(name, CLASSES, lambda t, r, g: np.eye(4)[r.detection % 4]))
    (pair,) = compare(run, spec=Scoring(resamples=100))
    assert len(pair.differences) > 10
    for d in pair.differences:
        assert d.difference == d.low == d.high == 0
        assert d.p == 1
        assert d.better == ""
    assert (pair.a_alone, pair.b_alone, pair.mcnemar) == (0, 0, 1.0)


def test_pairing_narrows_the_interval() -> None:
    """Two classifiers that err on the same objects: their difference is known far better than either."""
    true, probability = random_case(3, 400)
    nudged = probability.copy()
    nudged[::20] = np.eye(5)[true[::20]]
    a, b = (snapshot_of(true, p, layout=LAYOUT) for p in (nudged, probability))
    metric = METRICS["accuracy"]
    assert isinstance(metric.state, Cells)
    rng = np.random.default_rng(0)
    both = resample_joint(metric.state, joint(metric.state, a, b), (LAYOUT, LAYOUT), rng=rng, n=1000)
    together = np.std(metric.value(both[0]) - metric.value(both[1]))
    alone = [metric.state.resample(LAYOUT, metric.state.count(s), rng=rng, n=1000) for s in (a, b)]
    unpaired = np.std(metric.value(alone[0]) - metric.value(alone[1]))
    assert together < 0.5 * unpaired


@pytest.mark.parametrize("name", ["macro_f1", "log_loss", "ece", "top_2_accuracy", "macro_f1_level_2"])
def test_paired_resamples_have_the_spread_of_objects_drawn_one_by_one(name: str) -> None:
    true, probability = random_case(4, 200, absent=0.05)
    _, again = random_case(5, 200)
    other = np.where(np.isnan(probability), again, 0.5 * np.nan_to_num(probability) + 0.5 * again)
    metric = METRICS[name]
    assert isinstance(metric.state, Cells)
    sides = [snapshot_of(true, p, layout=LAYOUT) for p in (probability, other)]
    drawn = resample_joint(
        metric.state, joint(metric.state, *sides), (LAYOUT, LAYOUT), rng=np.random.default_rng(1), n=3000
    )
    got = metric.value(drawn[0]) - metric.value(drawn[1])
    rng = np.random.default_rng(2)
    rows = [np.flatnonzero(true == t) for t in range(5)]
    plain = []
    for _ in range(600):
        pick = np.concatenate([rng.choice(r, len(r)) for r in rows])
        a, b = (value_of(name, snapshot_of(true[pick], p[pick], layout=LAYOUT)) for p in (probability, other))
        plain.append(float(a[0] - b[0]))
    assert np.std(got) == pytest.approx(np.std(plain), rel=0.12)  # 600 draws: 3 %, cells of loss: some


@pytest.mark.parametrize(
    "name",
    ["macro_roc_auc", "hand_till_auc", "average_precision", "ece_class", "threshold_f1", "recall", "flips"],
)
@pytest.mark.parametrize("parts", [1, 3])
def test_every_kind_of_metric_has_the_paired_spread_of_objects_drawn_one_by_one(
    name: str, parts: int
) -> None:
    true, probability = random_case(4, 300, absent=0.05)
    _, again = random_case(5, 300)
    other = np.where(np.isnan(probability), again, 0.5 * np.nan_to_num(probability) + 0.5 * again)
    metric, ids = METRICS[name], np.arange(300)

    def sides(rows: np.ndarray, ids: np.ndarray) -> list[Snapshot]:
        return [snapshot_of(true[rows], p[rows], layout=LAYOUT, ids=ids) for p in (probability, other)]

    pieces = [piece(metric.state, *sides(p, p)) for p in np.array_split(ids, parts)]
    of = drawn(
        metric.state,
        merged(metric.state, pieces),
        (LAYOUT, LAYOUT),
        rng=lambda: np.random.default_rng(1),
        n=2000,
    )
    got = differences(name, metric, of, LAYOUT.truth, 0.9)
    for k, want in enumerate(value_of(name, sides(ids, ids)[0]) - value_of(name, sides(ids, ids)[1])):
        assert got[k].difference == pytest.approx(want, abs=1e-12)
    rng = np.random.default_rng(2)
    rows = [np.flatnonzero(true == t) for t in range(5)]
    plain = []
    for _ in range(400):
        pick = np.concatenate([rng.choice(r, len(r)) for r in rows])
        # An object keeps its half and its night however often it is drawn: ids decide them.
        a, b = (value_of(name, s) for s in sides(pick, pick))
        plain.append(a - b)
    low, high = np.quantile(np.array(plain), [0.05, 0.95], axis=0)
    for k, d in enumerate(got):
        assert d.class_id == (LAYOUT.truth[k] if metric.per_class else -1)
        assert d.high - d.low == pytest.approx(high[k] - low[k], rel=0.35)  # 200 draws against 400
        assert abs((d.high + d.low) - (high[k] + low[k])) / 2 < 0.35 * (high[k] - low[k])


@pytest.mark.parametrize("name", ["ece_class", "threshold_f1", "roc_auc"])
def test_a_sample_of_the_objects_moves_as_all_of_them_would(name: str, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    true, probability = random_case(14, 4000)
    _, again = random_case(15, 4000)
    sides = [snapshot_of(true, p, layout=LAYOUT) for p in (probability, 0.7 * probability + 0.3 * again)]
    metric = METRICS[name]

    def widths() -> tuple[list[float], list[float]]:
        of = drawn(
            metric.state,
            merged(metric.state, [piece(metric.state, *sides)]),
            (LAYOUT, LAYOUT),
            rng=lambda: np.random.default_rng(1),
            n=200,
        )
        found = differences(name, metric, of, LAYOUT.truth, 0.95)
        # The interval lies around the difference of all objects (bias of bins and thresholds: some).
        assert all(d.low - 0.3 * (d.high - d.low) <= d.difference for d in found)
        assert all(d.difference <= d.high + 0.3 * (d.high - d.low) for d in found)
        return [d.difference for d in found], [d.high - d.low for d in found]

    whole = widths()
    for module in (ranks, paired):
        monkeypatch.setattr(module, "DRAWN_FROM", 250)
    some = widths()
    assert some[0] == whole[0]
    # 250 of 800 objects a class; which threshold is best moves more with fewer of them.
    np.testing.assert_allclose(some[1], whole[1], rtol=0.8 if name == "threshold_f1" else 0.4)


def test_the_picks_of_a_pair_by_hand() -> None:
    """Of class 0's four objects A picks 0, 1 and B picks 1, 2; of six others A picks 4 and B nobody."""
    state = METRICS["night_purity"].state
    true = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    seen = []
    for picked in ([0, 1, 4], [1, 2]):
        score = np.zeros((len(picked), 5), "f4")
        score[:, 0] = 0.5
        night = np.zeros(len(picked), "i8")
        one = snapshot_of(true, np.eye(5)[true], layout=LAYOUT)
        seen.append(replace(one, nightly=Nightly(9, night, np.array(picked), score)))
    parts = ([0, 4, 9], [1, 2, 3, 5, 6, 7, 8])
    pieces = [piece(state, *(s.take(np.isin(np.arange(10), rows)) for s in seen)) for rows in parts]
    assert isinstance(pieces[0], Sides)
    of = drawn(state, merged(state, pieces), (LAYOUT, LAYOUT), rng=lambda: np.random.default_rng(3), n=20_000)
    a, b = of.seen
    assert (a["own"][0], a["other"][0], b["own"][0], b["other"][0]) == (2, 1, 2, 0)
    x, y = (s["own"][:, 0] for s in of.resamples)
    # Cells none, A, B, both hold one object each: variance 4 p q, covariance of A and B = 4 (1/4 - 1/4).
    assert x.mean() == pytest.approx(2, abs=0.03)
    assert np.var(x) == pytest.approx(1.0, rel=0.05)
    assert np.cov(x, y)[0, 1] == pytest.approx(0.0, abs=0.03)
    wrong = of.resamples[0]["other"][:, 0]
    assert wrong.mean() == pytest.approx(1, abs=0.03)
    assert np.var(wrong) == pytest.approx(6 * (1 / 6) * (5 / 6), rel=0.05)


def test_every_metric_is_compared_or_says_why_not(three: Folder, tmp_path: Path) -> None:
    spec = Scoring(resamples=100, metrics="all", slices=[], detections=[1], days=[2.0])
    table, _ = load_scores(score(three, spec=spec, out=tmp_path / "s"))
    assert len(METRICS) > 40
    for axis, at in (("last", np.isnan(table.at)), ("detection:1", table.axis == "detection")):
        (pair,) = compare(three, ["one", "worse"], spec=spec, axis=axis)
        assert {d.metric for d in pair.differences} == set(METRICS)
        for d in pair.differences:
            metric = METRICS[d.metric]
            assert (d.class_id in CLASSES) == metric.per_class
            if metric.history and axis != "last":
                assert d.missing == "of whole histories: compared at the last point alone"
                assert np.isnan(d.difference)
                continue
            for label, value in ((pair.a, d.a), (pair.b, d.b)):
                row = (table.classifier == label) & (table.metric == d.metric) & at
                row &= table.class_id == d.class_id
                assert value == pytest.approx(table.value[row][0], rel=1e-12, nan_ok=True)
            if np.isnan(d.difference):
                assert d.missing == metric.undefined
            else:
                assert d.low <= d.high
                assert d.missing == ""
    better = {d.metric for d in pair.differences if d.better == "one 1"}
    assert {"macro_roc_auc", "average_precision", "threshold_f1", "recall", "macro_f1"} <= better


def test_joint_cells_of_pieces_are_those_of_the_whole() -> None:
    true, probability = random_case(6, 120)
    _, other = random_case(7, 120)
    state = METRICS["brier"].state
    assert isinstance(state, Cells)

    def of(rows: np.ndarray) -> object:
        a, b = (snapshot_of(true[rows], p[rows], layout=LAYOUT) for p in (probability, other))
        return joint(state, a, b)

    whole = of(np.arange(120))
    merged = merge_joints([of(p) for p in np.array_split(np.random.default_rng(0).permutation(120), 4)])
    for name in ("true", "a", "b", "count"):
        assert (getattr(whole, name) == getattr(merged, name)).all()
    np.testing.assert_allclose(whole.sum_a, merged.sum_a)


def test_under_exclude_a_pair_rests_on_what_both_answered(three: Folder) -> None:
    spec = Scoring(resamples=100, metrics=["accuracy"], missing="exclude")
    with_missing = compare(three, ["one", "worse"], spec=SPEC, axis="detection:1")[0]
    both = compare(three, ["one", "worse"], spec=spec, axis="detection:1")[0]
    assert both.n < with_missing.n


def test_mcnemar_is_exact_for_few_and_chi_squared_for_many() -> None:
    assert mcnemar(3, 9) == pytest.approx(binomtest(3, 12).pvalue)
    assert mcnemar(10, 30) == pytest.approx(0.002663, abs=1e-5)  # (20 - 1)^2 / 40 = 9.025
    assert mcnemar(0, 0) == 1
    assert mcnemar(5, 7) == mcnemar(7, 5)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_comparisons_need_two_known_classifiers(three: Folder) -> None:
    with pytest.raises(UnknownName, match="compare: expected a classifier, got 'wors'; did you mean 'worse'"):
        compare(three, ["one", "wors"], spec=SPEC)
    with pytest.raises(InputError, match="expected two classifiers or more, got 1"):
        compare(three, ["one", "one 1"], spec=SPEC)
    with pytest.raises(ConfigError, match="expected a point that was scored, got 'last:3'"):
        compare(three, spec=SPEC, axis="last:3")


def test_results_of_unlike_runs_policies_or_versions_are_not_ordered(three: Folder, tmp_path: Path) -> None:
    _, about = load_scores(score(three, spec=Scoring(intervals=False), out=tmp_path / "s"))
    check_comparable(about, about)

    def changed(path: tuple[str, ...], value: object) -> dict[str, object]:
        other = json.loads(json.dumps(about))
        inner = other
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        return other

    with pytest.raises(ConfigError, match="expected scores of one run"):
        check_comparable(about, changed(("run", "manifest_sha256"), "0" * 64))
    with pytest.raises(ConfigError, match="expected the same policies, got others for missing"):
        check_comparable(about, changed(("spec", "missing"), "worst"))
    assert {"ties", "normalise", "as_of", "deadline_s", "classes"} <= set(POLICIES)
    for policy in POLICIES:
        with pytest.raises(ConfigError, match=f"got others for {policy}"):
            check_comparable(about, changed(("spec", policy), "something else"))
    with pytest.raises(ConfigError, match="expected the same versions of metrics, got others for macro_f1"):
        check_comparable(about, changed(("metrics", "macro_f1", "version"), 2))


def test_the_worst_of_twelve_is_told_apart_for_all_the_pairs(tmp_path: Path) -> None:
    """66 pairs: with 300 resamples the least p adjusted by Holm would be 0.44."""
    run = write_run(tmp_path / "run", Survey(objects=120, parts=1, alerts=2, classes=CLASSES))
    for k in range(12):
        answer(run, Answering(f"c{k:02d}", CLASSES, guessing(CLASSES, 0.0 if k == 11 else 8.0), seed=k))
    board = leaderboard(score(run, spec=Scoring(resamples=300, detections=[1], days=[], slices=[])))
    assert board[-1]["classifier"] == "c11 1"
    assert [r["group"] for r in board[-2:]] == [1, 2]


def test_classifiers_that_are_not_told_apart_share_a_group(three: Folder, tmp_path: Path) -> None:
    folder = score(three, spec=Scoring(resamples=300), out=tmp_path / "s")
    board = leaderboard(folder)
    assert [r["group"] for r in board] == [1, 1, 2]
    assert board[2]["classifier"] == "worse 1"
    assert {r["group"] for r in leaderboard(folder, by="log_loss")} == {None}
    _, about = load_scores(folder)
    assert len(about["pairs"]) == 3 * len(about["points"])
    pairs = {(p.a, p.b): p.differences[0] for p in compare(three, spec=SPEC)}
    for row in about["pairs"]:
        if row["point"] == "last":
            d = next(d for d in [pairs[row["a"], row["b"]]] if d.metric == "macro_f1")
            assert row["difference"] == pytest.approx(d.difference, abs=0.01)
            assert row["better"] == d.better


def test_groups_begin_where_the_first_of_the_group_is_beaten() -> None:
    pairs = [{"a": "a", "b": "c", "better": "a"}, {"a": "b", "b": "c", "better": ""}]
    assert tie_groups(["a", "b", "c"], pairs) == [1, 1, 2]
    assert tie_groups(["b", "c"], pairs) == [1, 1]
    assert tie_groups([], pairs) == []


def test_one_row_a_lineage_keeps_its_best_version(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=60, parts=1))
    for name, skill in (("a", 0.1), ("b", 3.0), ("other", 1.0)):
        answer(run, Answering(name, CLASSES, guessing(CLASSES, skill)))
    for version, name in enumerate(("a", "b")):
        file = run.path / "answers" / name / "manifest.json"
        manifest = json.loads(file.read_text())
        manifest["classifier"] |= {"name": "same", "version": str(version)}
        file.write_text(json.dumps(manifest))
    folder = score(run, spec=Scoring(intervals=False))
    assert [r["classifier"] for r in leaderboard(folder)] == ["same 1", "other 1", "same 0"]
    assert [r["classifier"] for r in leaderboard(folder, lineages=True)] == ["same 1", "other 1"]


def test_under_exclude_pairs_are_of_objects_that_both_answered(three: Folder, tmp_path: Path) -> None:
    folder = score(three, spec=Scoring(resamples=100, missing="exclude"), out=tmp_path / "s")
    assert [r["group"] for r in leaderboard(folder, axis="detection:1")][0] == 1
