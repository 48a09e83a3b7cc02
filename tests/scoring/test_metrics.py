"""Metrics: equal to scikit-learn where it has them, to tables made by hand elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from brokerbench.taxonomy import PLASTICC
from scoring.metric import CORE, METRICS, chosen
from scoring.values import clopper_pearson
from tests.scoring.snapshots import (
    CLASSES,
    layout_of,
    mean_value,
    random_case,
    snapshot_of,
    statistics_of,
    value_of,
)

LAYOUT = layout_of()
EXACT = 1e-12


def test_there_are_metrics() -> None:
    assert len(METRICS) >= 8


@pytest.mark.parametrize("name", sorted(METRICS))
def test_every_metric_keeps_the_contract(name: str) -> None:
    metric = METRICS[name]
    assert metric.version >= 1
    assert metric.direction in {"higher", "lower"}
    assert metric.low < metric.high
    assert metric.undefined
    assert metric.title
    module = __import__(f"scoring.metrics.{name}", fromlist=["x"])
    assert module.__doc__
    assert len(module.__doc__) > 60
    true, probability = random_case(1, 400, absent=0.1, lean=8.0)
    seen = snapshot_of(true, probability, layout=LAYOUT)
    value = value_of(name, seen)
    assert len(value) == (len(CLASSES) if metric.per_class else 1)
    assert ((value >= metric.low - EXACT) & (value <= metric.high + EXACT)).all()


@pytest.mark.parametrize("name", sorted(METRICS))
def test_nobody_at_all_is_undefined_and_never_a_number(name: str) -> None:
    nobody = snapshot_of(np.zeros(0, "i8"), np.zeros((0, len(CLASSES))), layout=LAYOUT)
    assert np.isnan(value_of(name, nobody)).all()


@pytest.mark.parametrize("name", sorted(METRICS))
def test_order_and_splitting_of_objects_change_nothing(name: str) -> None:
    true, probability = random_case(2, 300, absent=0.1)
    whole = value_of(name, snapshot_of(true, probability, layout=LAYOUT))
    order = np.random.default_rng(3).permutation(300)
    pieces = [snapshot_of(true[p], probability[p], layout=LAYOUT, ids=p) for p in np.array_split(order, 7)]
    # Sums of losses are rounded once more a piece.
    np.testing.assert_allclose(value_of(name, *pieces), whole, rtol=EXACT)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_the_perfect_classifier_beats_the_good_one_beats_the_swapped_one(name: str) -> None:
    metric = METRICS[name]
    true, probability = random_case(4, 500, lean=4.0)
    perfect = np.eye(len(CLASSES))[true]
    swapped = perfect[:, [1, 0, 3, 4, 2]]
    sign = 1 if metric.direction == "higher" else -1
    best, middle, worst = (
        sign * mean_value(name, snapshot_of(true, p, layout=LAYOUT)) for p in (perfect, probability, swapped)
    )
    if name in ("completeness", "class_completeness"):  # all three answer everything
        assert best == middle == worst == 1
        return
    assert best > middle
    if name != "brier_resolution":  # swapping classes loses nothing that resolution measures
        assert middle > worst


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_resample_is_computed_as_the_sample_is(name: str) -> None:
    """The metric of a stack of statistics is the stack of metrics."""
    metric = METRICS[name]
    true, probability = random_case(5, 200, absent=0.05)
    arrays = metric.state.count(snapshot_of(true, probability, layout=LAYOUT))
    drawn = metric.state.resample(LAYOUT, arrays, rng=np.random.default_rng(6), n=5)
    stacked = metric.value(drawn).reshape(5, -1)
    for i in range(5):
        one = type(drawn)(drawn.layout, {k: v[i] for k, v in drawn.arrays.items()})
        np.testing.assert_allclose(stacked[i], np.atleast_1d(metric.value(one)), rtol=EXACT)


def _labels(true: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    absent = np.isnan(probability).any(1)
    return true, np.where(absent, -1, np.nan_to_num(probability).argmax(1))


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 60), absent=st.sampled_from([0.0, 0.3, 1.0]))
def test_metrics_of_classes_equal_scikit_learn(seed: int, n: int, absent: float) -> None:
    true, probability = random_case(seed, n, absent=absent)
    y, predicted = _labels(true, probability)
    seen = snapshot_of(true, probability, layout=LAYOUT)
    present = np.unique(true)
    np.testing.assert_allclose(value_of("accuracy", seen), sk.accuracy_score(y, predicted), atol=EXACT)
    p, r, f, _ = sk.precision_recall_fscore_support(
        y, predicted, labels=range(len(CLASSES)), zero_division=np.nan
    )
    supported = np.isin(np.arange(len(CLASSES)), present)
    np.testing.assert_allclose(value_of("precision", seen), p, atol=EXACT)
    np.testing.assert_allclose(value_of("recall", seen), np.where(supported, r, np.nan), atol=EXACT)
    got = value_of("f1", seen)
    np.testing.assert_allclose(got[supported], f[supported], atol=EXACT)
    assert np.isnan(got[~supported]).all()
    if len(present) < 2:
        assert np.isnan(value_of("macro_f1", seen)).all()
        assert np.isnan(value_of("balanced_accuracy", seen)).all()
        return
    macro = sk.f1_score(y, predicted, labels=present, average="macro", zero_division=0)
    np.testing.assert_allclose(value_of("macro_f1", seen), macro, atol=EXACT)
    recall = sk.recall_score(y, predicted, labels=present, average="macro", zero_division=0)
    np.testing.assert_allclose(value_of("balanced_accuracy", seen), recall, atol=EXACT)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 60))
def test_log_loss_and_brier_equal_scikit_learn(seed: int, n: int) -> None:
    true, probability = random_case(seed, n)
    probability = np.clip(probability, 1e-5, None)
    probability /= probability.sum(1, keepdims=True)
    seen = snapshot_of(true, probability, layout=LAYOUT)
    labels = list(range(len(CLASSES)))
    want = sk.log_loss(true, probability, labels=labels)
    np.testing.assert_allclose(value_of("log_loss", seen), want, rtol=EXACT)
    weights = 1 / np.bincount(true, minlength=len(CLASSES))[true]
    macro = sk.log_loss(true, probability, labels=labels, sample_weight=weights)
    np.testing.assert_allclose(value_of("macro_log_loss", seen), macro, rtol=EXACT)
    brier = sk.brier_score_loss(true, probability, labels=labels, scale_by_half=False)
    np.testing.assert_allclose(value_of("brier", seen), brier, rtol=EXACT)


def test_confusion_equals_scikit_learn_and_is_not_transposed() -> None:
    true, probability = random_case(8, 300)
    arrays = METRICS["accuracy"].state.count(snapshot_of(true, probability, layout=LAYOUT))
    own = [LAYOUT.columns.index(c) for c in CLASSES]
    assert (arrays["cells"][:, own] == sk.confusion_matrix(true, probability.argmax(1))).all()
    assert arrays["cells"].sum() == 300


def test_an_object_without_an_answer_is_in_recall_and_not_in_precision() -> None:
    """Class 2222: two right, one missing. Recall 2/3, precision 1, F1 2*2/(3+2)."""
    probability = np.eye(5)[[0, 0, 0, 1]]
    probability[2] = np.nan
    seen = snapshot_of(np.array([0, 0, 0, 1]), probability, layout=LAYOUT)
    assert value_of("recall", seen)[0] == pytest.approx(2 / 3)
    assert value_of("precision", seen)[0] == 1
    assert value_of("f1", seen)[0] == pytest.approx(4 / 5)
    assert value_of("accuracy", seen)[0] == pytest.approx(3 / 4)


def test_a_stray_id_does_not_change_the_denominator_of_macro_f1() -> None:
    """scikit-learn's default labels are those of truth and predictions together: one stray id more."""
    stray = layout_of((*CLASSES, 2326))
    probability = np.eye(6)[[0, 0, 1, 5]]
    true = np.array([0, 0, 1, 1])
    seen = snapshot_of(true, probability, layout=stray)
    assert value_of("macro_f1", seen)[0] == pytest.approx((1 + 2 / 3) / 2)
    assert sk.f1_score(true, probability.argmax(1), average="macro") == pytest.approx((1 + 2 / 3) / 3)


def test_an_absent_class_is_never_scored_as_perfect() -> None:
    true = np.zeros(4, "i8")
    probability = np.tile([0.5, 0.5, 0, 0, 0], (4, 1))
    seen = snapshot_of(true, probability, layout=LAYOUT)
    assert value_of("macro_log_loss", seen)[0] == pytest.approx(math.log(2))
    assert value_of("plasticc_log_loss", seen)[0] == pytest.approx(math.log(2))


def test_a_class_that_the_classifier_does_not_know_costs_epsilon() -> None:
    lay = layout_of((2222, 2224), CLASSES)
    seen = snapshot_of(np.array([4]), np.array([[0.5, 0.5]]), layout=lay, epsilon=1e-4)
    assert value_of("log_loss", seen)[0] == pytest.approx(-math.log(1e-4))


def _kaggle(true: np.ndarray, probability: np.ndarray, weights: np.ndarray) -> float:
    """Section 1.7 of the formula's publication, written out class by class."""
    rows = probability / probability.sum(1, keepdims=True)
    rows = np.maximum(np.minimum(rows, 1 - 1e-15), 1e-15)
    total = used = 0.0
    for i, w in enumerate(weights):
        of_class = rows[true == i, i]
        if len(of_class):
            total += w * np.mean(np.log(of_class))
            used += w
    return -total / used


def test_the_plasticc_metric_is_kaggles_formula() -> None:
    true, probability = random_case(9, 500)
    probability[::9] = np.eye(5)[0]  # certain, often wrong: 34.5 each
    weights = PLASTICC.weights_of(CLASSES)
    assert weights[CLASSES.index(2232)] == 2  # kilonova
    seen = snapshot_of(true, probability, layout=LAYOUT)
    want = _kaggle(true, probability, weights)
    np.testing.assert_allclose(value_of("plasticc_log_loss", seen), want, rtol=EXACT)


def test_the_uniform_classifier_has_the_log_loss_of_its_number_of_classes() -> None:
    true, _ = random_case(10, 100)
    seen = snapshot_of(true, np.full((100, 5), 0.2), layout=LAYOUT)
    for name in ("log_loss", "macro_log_loss", "plasticc_log_loss"):
        assert value_of(name, seen)[0] == pytest.approx(math.log(5), rel=EXACT)
    assert value_of("brier", seen)[0] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("name", "n"), [("macro_f1", 150), ("log_loss", 150), ("brier", 150), ("log_loss", 6000)]
)
def test_resamples_have_the_spread_of_resampled_objects(name: str, n: int) -> None:
    """Against a bootstrap that draws the objects of each class one by one."""
    true, probability = random_case(12, n, absent=0.1)
    metric = METRICS[name]
    arrays = metric.state.count(snapshot_of(true, probability, layout=LAYOUT))
    drawn = metric.value(metric.state.resample(LAYOUT, arrays, rng=np.random.default_rng(1), n=4000))
    rng = np.random.default_rng(2)
    plain = []
    for _ in range(600):
        pick = np.concatenate(
            [rng.choice(rows, len(rows)) for t in range(5) if len(rows := np.flatnonzero(true == t))]
        )
        plain.append(value_of(name, snapshot_of(true[pick], probability[pick], layout=LAYOUT))[0])
    assert np.std(drawn) == pytest.approx(np.std(plain), rel=0.1)  # 600 draws: 3 % each
    assert np.mean(drawn) == pytest.approx(np.mean(plain), abs=0.2 * np.std(plain))


def test_a_class_of_three_objects_is_in_every_resample() -> None:
    """Else the prior's macro F1 jumps whenever the rare class is drawn empty."""
    true = np.repeat([0, 1], [97, 3])
    seen = snapshot_of(true, np.tile([1.0, 0, 0, 0, 0], (100, 1)), layout=LAYOUT)
    metric = METRICS["macro_f1"]
    arrays = metric.state.count(seen)
    drawn = metric.value(metric.state.resample(LAYOUT, arrays, rng=np.random.default_rng(3), n=500))
    np.testing.assert_allclose(drawn, value_of("macro_f1", seen)[0], rtol=EXACT)


def test_the_limiting_law_of_many_losses_has_their_skewness() -> None:
    """5000 objects, one in a hundred at the greatest loss: the law of the mean is still skew."""
    rng = np.random.default_rng(4)
    p = np.where(rng.random(5000) < 0.004, 1e-6, 0.9)
    probability = np.zeros((5000, 5))
    probability[:, 0], probability[:, 1] = p, 1 - p
    metric = METRICS["log_loss"]
    arrays = metric.state.count(snapshot_of(np.zeros(5000, "i8"), probability, layout=LAYOUT))
    drawn = metric.value(metric.state.resample(LAYOUT, arrays, rng=np.random.default_rng(5), n=20000))
    loss = -np.log(p)
    plain = np.array([rng.choice(loss, 5000).mean() for _ in range(4000)])
    for q in (0.025, 0.5, 0.975):
        assert np.quantile(drawn, q) == pytest.approx(np.quantile(plain, q), abs=0.1 * plain.std())


def test_resampled_losses_of_the_sample_itself_are_its_exact_sum() -> None:
    true, probability = random_case(13, 80)
    metric = METRICS["log_loss"]
    seen = snapshot_of(true, probability, layout=LAYOUT)
    want = -np.log(probability[np.arange(80), true]).sum()
    assert statistics_of(metric, seen)["total"].sum() == pytest.approx(want, rel=EXACT)


def test_metrics_are_chosen_by_name() -> None:
    assert list(chosen(["f1", "accuracy"])) == ["f1", "accuracy"]
    assert set(chosen("all")) == set(METRICS)
    assert tuple(chosen("core")) == CORE
    assert set(CORE) < set(METRICS)
    with pytest.raises(
        Exception, match="expected the name of a metric, got 'macrof1'; did you mean 'macro_f1'"
    ):
        chosen(["macrof1"])


def test_the_interval_of_a_recall_is_exact() -> None:
    """Three of three right is no certainty: 0.025^(1/3) = 0.292 (Clopper & Pearson 1934)."""
    low, high = clopper_pearson(np.array([3, 0, 5, 0]), np.array([3, 3, 10, 0]), tail=0.025)
    np.testing.assert_allclose(low[:3], [0.025 ** (1 / 3), 0.0, 0.18709], atol=1e-5)
    np.testing.assert_allclose(high[:3], [1.0, 1 - 0.025 ** (1 / 3), 0.81291], atol=1e-5)
    assert np.isnan([low[3], high[3]]).all()


def test_proportions_count_what_their_value_counts() -> None:
    true, probability = random_case(40, 200, absent=0.1)
    for metric in METRICS.values():
        if metric.successes is not None:
            seen = statistics_of(metric, snapshot_of(true, probability, layout=LAYOUT))
            k, n = metric.successes(seen)
            np.testing.assert_allclose(k / n, metric.value(seen), rtol=EXACT)
