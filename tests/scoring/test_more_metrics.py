"""Ranking, calibration, tree and count metrics: scikit-learn where it has them, hand tables elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from scoring import ranks
from scoring.levels import BROAD, at_level
from scoring.metric import METRICS
from scoring.ranks import RANKS, hash_ids
from scoring.reliability import BINS, bin_of
from scoring.separation import separation, separation_plain
from scoring.tree import distances, lineage
from tests.scoring.snapshots import CLASSES, layout_of, mean_value, random_case, snapshot_of, value_of

LAYOUT = layout_of()
EXACT = 1e-12


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 80), ties=st.booleans())
def test_ranking_metrics_equal_scikit_learn(seed: int, n: int, ties: bool) -> None:
    true, probability = random_case(seed, n)
    if ties:
        probability = np.round(probability * 4) / 4 + 1e-9
        probability /= probability.sum(1, keepdims=True)
    probability = probability.astype("f4").astype("f8")  # answers arrive as float32
    seen = snapshot_of(true, probability, layout=LAYOUT)
    auc, ap = value_of("roc_auc", seen), value_of("average_precision", seen)
    for t in range(len(CLASSES)):
        positive = true == t
        if 0 < positive.sum() < n:
            assert auc[t] == pytest.approx(sk.roc_auc_score(positive, probability[:, t]), abs=EXACT)
        else:
            assert np.isnan(auc[t])
        if positive.any():
            want = sk.average_precision_score(positive, probability[:, t])
            assert ap[t] == pytest.approx(want, abs=EXACT)
        else:
            assert np.isnan(ap[t])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_auc_over_classes_equals_scikit_learn(seed: int) -> None:
    true, probability = random_case(seed, 80)
    true[:5] = np.arange(5)
    probability = probability.astype("f4").astype("f8")
    probability /= probability.sum(1, keepdims=True)
    seen = snapshot_of(true, probability, layout=LAYOUT)
    macro = sk.roc_auc_score(true, probability, multi_class="ovr", average="macro")
    assert value_of("macro_roc_auc", seen)[0] == pytest.approx(macro, abs=1e-9)  # float32 ties
    pairs = sk.roc_auc_score(true, probability, multi_class="ovo", average="macro")
    assert value_of("hand_till_auc", seen)[0] == pytest.approx(pairs, abs=1e-9)


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 60), absent=st.sampled_from([0.0, 0.3, 1.0]))
def test_metrics_of_counts_equal_scikit_learn(seed: int, n: int, absent: float) -> None:
    true, probability = random_case(seed, n, absent=absent)
    predicted = np.where(np.isnan(probability).any(1), -1, np.nan_to_num(probability).argmax(1))
    seen = snapshot_of(true, probability, layout=LAYOUT)
    weighted = sk.f1_score(true, predicted, labels=range(5), average="weighted", zero_division=0)
    assert value_of("weighted_f1", seen)[0] == pytest.approx(weighted, abs=EXACT)
    kappa = value_of("cohen_kappa", seen)[0]
    if len(set(true)) > 1:
        mcc = sk.matthews_corrcoef(true, predicted)
        assert value_of("mcc", seen)[0] == pytest.approx(mcc, abs=EXACT)
        assert kappa == pytest.approx(sk.cohen_kappa_score(true, predicted), abs=EXACT)
    else:
        assert np.isnan(kappa)


@pytest.mark.parametrize("k", [2, 3])
def test_top_k_equals_scikit_learn(k: int) -> None:
    true, probability = random_case(21, 400)
    want = sk.top_k_accuracy_score(true, probability, k=k, labels=range(5))
    value = value_of(f"top_{k}_accuracy", snapshot_of(true, probability, layout=LAYOUT))[0]
    assert value == pytest.approx(want, abs=EXACT)


def test_equal_probabilities_come_by_id_in_top_k() -> None:
    probability = np.full((2, 5), 0.2)
    seen = snapshot_of(np.array([1, 2]), probability, layout=LAYOUT)
    assert value_of("top_2_accuracy", seen)[0] == 0.5
    assert value_of("top_3_accuracy", seen)[0] == 1.0


def test_ece_is_the_weighted_gap_of_each_bin() -> None:
    """Two answers at 0.9, one right; one at 0.6, right: 2/3 |0.5 - 0.9| + 1/3 |1 - 0.6|."""
    probability = np.array([[0.9, 0.1, 0, 0, 0], [0.9, 0.1, 0, 0, 0], [0.6, 0.4, 0, 0, 0]])
    seen = snapshot_of(np.array([0, 1, 0]), probability, layout=LAYOUT)
    assert value_of("ece", seen)[0] == pytest.approx(0.8 / 3 + 0.4 / 3, abs=EXACT)


def test_a_probability_of_one_lies_in_the_last_bin() -> None:
    assert bin_of(np.array([0.0, 1 / 15, 0.9999, 1.0])).tolist() == [0, 1, BINS - 1, BINS - 1]


def test_a_calibrated_classifier_has_no_calibration_error_and_an_overconfident_one_has() -> None:
    rng = np.random.default_rng(5)
    probability = rng.dirichlet(np.ones(5), 40_000)
    true = (probability.cumsum(1) < rng.random((40_000, 1))).sum(1)
    sharp = probability**3 / (probability**3).sum(1, keepdims=True)
    names = ("ece", "brier_reliability")
    calibrated, overconfident = (
        [value_of(m, snapshot_of(true, p, layout=LAYOUT))[0] for m in names] for p in (probability, sharp)
    )
    assert calibrated[0] < 0.01  # sqrt(2/pi * 15 * 0.25 / 40000) is about 0.008
    assert calibrated[1] < 1e-3
    assert overconfident[0] > 0.1
    assert overconfident[1] > 0.02
    classes = value_of("ece_class", snapshot_of(true, probability, layout=LAYOUT))
    assert classes.max() < 0.012


def test_the_terms_of_brier_add_up() -> None:
    """Reliability - resolution + uncertainty, but for the scatter inside bins (Stephenson et al. 2008)."""
    true, probability = random_case(6, 20_000)
    seen = snapshot_of(true, probability, layout=LAYOUT)
    share = np.bincount(true) / len(true)
    uncertainty = (share * (1 - share)).sum()
    total = value_of("brier_reliability", seen)[0] - value_of("brier_resolution", seen)[0] + uncertainty
    assert total == pytest.approx(value_of("brier", seen)[0], abs=0.005)


def test_skill_is_zero_for_the_frequencies_and_one_for_the_truth() -> None:
    true, _ = random_case(7, 500)
    share = np.bincount(true) / len(true)
    prior = snapshot_of(true, np.tile(share, (500, 1)), layout=LAYOUT)
    assert value_of("skill", prior)[0] == pytest.approx(0, abs=EXACT)
    assert value_of("skill", snapshot_of(true, np.eye(5)[true], layout=LAYOUT))[0] == pytest.approx(1)


def test_the_tree_of_a_class() -> None:
    assert lineage(2222) == (2000, 2200, 2220, 2222)
    assert lineage(2221) == lineage(2220) == (2000, 2200, 2220)  # SN-like/Other stands for SN-like
    assert lineage(200) == lineage(300) == lineage(-1) == ()
    assert [at_level(2222, d) for d in range(5)] == [2000, 2200, 2220, 2222, 2222]
    assert at_level(2200, 2) == 2200  # a shallow class is carried down
    assert at_level(200, 1) == 200


def test_distances_in_the_tree() -> None:
    d = distances(LAYOUT)
    column = {c: i for i, c in enumerate((*LAYOUT.columns, -1))}
    ia = CLASSES.index(2222)
    assert d[ia, column[2222]] == 0
    assert d[ia, column[2224]] == 2  # sister
    assert d[ia, column[2232]] == 4  # kilonova: by Non-Recurring
    assert d[ia, column[2332]] == 6  # AGN: by Variable
    assert d[ia, column[-1]] == d[ia, column[200]] == 4  # up to the root of all


def test_hierarchical_precision_and_recall_by_hand() -> None:
    """Ia given as II shares Non-Recurring and SN-like: 2 of 3; AGN given as Ia shares nothing."""
    true = np.array([0, 4])
    seen = snapshot_of(true, np.eye(5)[[2, 0]], layout=LAYOUT)
    for name in ("hierarchical_precision", "hierarchical_recall", "hierarchical_f1"):
        assert value_of(name, seen)[0] == pytest.approx(2 / 6)
    inner = layout_of((*CLASSES, 2220))
    seen = snapshot_of(np.array([0]), np.eye(6)[[5]], layout=inner)
    assert value_of("hierarchical_precision", seen)[0] == 1  # SN-like is true of a Ia
    assert value_of("hierarchical_recall", seen)[0] == pytest.approx(2 / 3)
    assert value_of("lca_distance", seen)[0] == 1


def test_a_sister_is_a_smaller_mistake_than_a_stranger() -> None:
    true = np.zeros(10, "i8")
    sister, stranger = (snapshot_of(true, 0.8 * np.eye(5)[[c] * 10] + 0.04, layout=LAYOUT) for c in (2, 4))
    for name in ("tree_distance", "lca_distance", "hierarchical_log_loss"):
        assert value_of(name, sister)[0] < value_of(name, stranger)[0]
    assert value_of("accuracy", sister)[0] == value_of("accuracy", stranger)[0] == 0


def test_levels_sum_probability_before_the_arg_max() -> None:
    """0.3 + 0.3 on two supernovae beats 0.4 on AGN, though AGN is the most probable class."""
    probability = np.array([[0.3, 0.3, 0, 0, 0.4], [0, 0, 0, 0.4, 0.6]])
    seen = snapshot_of(np.array([0, 4]), probability, layout=LAYOUT)
    assert value_of("accuracy", seen)[0] == 0.5
    assert value_of("macro_f1_level_2", seen)[0] == 1
    assert value_of("macro_f1_level_1", seen)[0] == 1


def test_a_tie_of_levels_names_none_of_them_where_the_policy_says_so() -> None:
    probability = np.array([[0.25, 0.25, 0, 0, 0.5], [0, 0, 0, 0.4, 0.6]])
    for ties, right in (("lowest", 2), ("residual", 1)):
        lay = replace(LAYOUT, ties=ties)
        seen = snapshot_of(np.array([0, 4]), probability, layout=lay)
        cells = BROAD.cell(seen, np.zeros(2))
        first = at_level(2222, 1) if ties == "lowest" else 200
        assert sorted({at_level(c, 1) for c in lay.columns})[cells[0]] == first
        assert value_of("macro_f1_level_1", seen)[0] == pytest.approx(1 if right == 2 else 0.5)


def test_hierarchical_log_loss_by_hand() -> None:
    """p: Ia 0.2, II 0.3, KN 0.1, AGN 0.4. Along Variable, Non-Recurring, SN-like, Ia."""
    seen = snapshot_of(np.array([0]), np.array([[0.2, 0, 0.3, 0.1, 0.4]]), layout=LAYOUT)
    conditional = [1.0, 0.6, 0.5 / 0.6, 0.2 / 0.5]
    want = -sum(math.exp(-0.5 * level) * math.log(p) for level, p in enumerate(conditional))
    assert value_of("hierarchical_log_loss", seen)[0] == pytest.approx(want, abs=EXACT)


def test_tree_distance_is_the_expectation_over_classes() -> None:
    seen = snapshot_of(np.array([0]), np.array([[0.2, 0, 0.3, 0.1, 0.4]]), layout=LAYOUT)
    assert value_of("tree_distance", seen)[0] == pytest.approx(0.3 * 2 + 0.1 * 4 + 0.4 * 6)


def test_purity_at_equal_frequencies_does_not_depend_on_frequencies() -> None:
    """90 % right, 10 % to the other class: purity 0.9 at equal numbers, however many there are."""
    for n, m in ((100, 100), (1000, 10)):
        true = np.repeat([0, 1], [n, m])
        given = np.concatenate(
            [np.repeat([0, 1], [int(0.9 * n), n // 10]), np.repeat([1, 0], [int(0.9 * m), m // 10])]
        )
        seen = snapshot_of(true, np.eye(5)[given], layout=LAYOUT)
        np.testing.assert_allclose(value_of("adjusted_purity", seen)[:2], 0.9)
    assert value_of("precision", seen)[1] == pytest.approx(9 / 109)


def test_the_best_entry_of_snphotcc_has_its_published_figure_of_merit() -> None:
    """Efficiency 0.96, purity 0.79 (Kessler et al. 2010, abstract): 0.96 * 0.556 = 0.53."""
    true = np.repeat([0, 1], [1000, 1000])
    false = round(960 / 0.79 - 960)
    given = np.concatenate([np.repeat([0, 1], [960, 40]), np.repeat([0, 1], [false, 1000 - false])])
    seen = snapshot_of(true, np.eye(5)[given], layout=LAYOUT)
    assert value_of("snphotcc_fom", seen)[0] == pytest.approx(0.53, abs=0.005)


def test_a_sample_of_objects_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    true, probability = random_case(31, 6000)
    seen = snapshot_of(true, probability, layout=LAYOUT)
    whole = value_of("macro_roc_auc", seen)[0], value_of("average_precision", seen)
    monkeypatch.setattr(ranks, "KEPT", 400)
    pieces = [
        snapshot_of(true[p], probability[p], layout=LAYOUT, ids=p) for p in np.array_split(np.arange(6000), 5)
    ]
    kept = RANKS.merge([RANKS.count(p) for p in pieces])
    assert (np.bincount(kept["true"]) == 400).all()
    assert kept["objects"].sum() == 6000
    # 400 objects a class: standard error of an AUC near 0.85 is 0.01
    assert value_of("macro_roc_auc", *pieces)[0] == pytest.approx(whole[0], abs=0.03)
    np.testing.assert_allclose(value_of("average_precision", *pieces), whole[1], atol=0.08)
    again = RANKS.merge([RANKS.count(seen)])
    assert set(again["hash"]) == set(kept["hash"])  # the same objects however they came


@pytest.mark.parametrize("seed", range(4))
def test_the_sweep_finds_what_pairs_and_thresholds_one_by_one_find(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score = np.round(rng.random((40, 3)), 1 + seed % 2).astype("f4")  # with ties
    true, weight = rng.integers(0, 3, 40), rng.integers(0, 3, (2, 40)).astype("f8")
    true[true == 2] = seed % 3  # sometimes a class without objects
    for got, want in zip(separation(score, true, weight), separation_plain(score, true, weight), strict=True):
        np.testing.assert_allclose(got, want, atol=EXACT)


def test_answered_objects_are_counted_class_by_class() -> None:
    """Of class 0 two of four were answered, of 1 one of one, of 2 none of two; 3 and 4 are empty."""
    true = np.array([0, 0, 0, 0, 1, 2, 2])
    probability = np.eye(5)[true]
    probability[[0, 1, 5, 6]] = np.nan
    value = value_of("class_completeness", snapshot_of(true, probability, layout=LAYOUT))
    np.testing.assert_array_equal(value, [0.5, 1.0, 0.0, np.nan, np.nan])
    assert value_of("completeness", snapshot_of(true, probability, layout=LAYOUT))[0] == 3 / 7


def test_hashes_of_neighbouring_ids_are_far_apart() -> None:
    hashes = hash_ids(np.arange(1000))
    assert len(set(hashes.tolist())) == 1000
    assert abs(np.corrcoef(hashes.astype(float), np.arange(1000))[0, 1]) < 0.1


ARCHETYPES = ("perfect", "noisy", "over-confident", "prior", "uniform", "one class", "swapped")


def _archetype(name: str, true: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n, eye = len(true), np.eye(5)
    share = np.bincount(true, minlength=5) / n
    if name == "noisy":  # drawn from a confusion matrix, and honest about it
        given = np.where(rng.random(n) < 0.7, true, rng.integers(0, 5, n))
        return 0.76 * eye[given] + 0.06 * (1 - eye[given])
    if name == "over-confident":
        given = np.where(rng.random(n) < 0.7, true, rng.integers(0, 5, n))
        return 0.9999 * eye[given] + 0.000025 * (1 - eye[given])
    return {
        "perfect": eye[true],
        "prior": np.tile(share, (n, 1)),
        "uniform": np.full((n, 5), 0.2),
        "one class": eye[np.full(n, 3)],
        "swapped": eye[np.array([1, 0, 2, 4, 3])[true]],
    }[name]


@pytest.fixture(scope="module")
def archetypes() -> dict[str, dict[str, float]]:
    """Every metric of every archetype (Malz et al. 2019, section 3)."""
    rng = np.random.default_rng(17)
    true = rng.choice(5, 4000, p=[0.4, 0.2, 0.2, 0.05, 0.15])
    return {
        name: {m: mean_value(m, snapshot_of(true, p, layout=LAYOUT)) for m in METRICS}
        for name in ARCHETYPES
        for p in [_archetype(name, true, rng)]
    }


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_nothing_beats_the_perfect_archetype(metric: str, archetypes: dict[str, dict[str, float]]) -> None:
    sign = 1 if METRICS[metric].direction == "higher" else -1
    best = sign * archetypes["perfect"][metric]
    assert all(sign * values[metric] <= best + 1e-9 for values in archetypes.values())


@pytest.mark.parametrize(
    ("metric", "order"),
    [
        ("log_loss", ("perfect", "noisy", "prior", "uniform", "over-confident", "one class")),
        ("brier", ("perfect", "noisy", "over-confident", "prior", "uniform", "one class")),
        ("skill", ("perfect", "noisy", "prior", "uniform", "over-confident")),
        ("macro_f1", ("perfect", "noisy", "swapped", "prior", "one class")),
        ("balanced_accuracy", ("perfect", "noisy", "swapped", "one class")),
        ("ece", ("perfect", "noisy", "over-confident", "swapped", "one class")),
        ("macro_roc_auc", ("perfect", "noisy", "swapped")),
        ("tree_distance", ("perfect", "noisy", "uniform", "one class")),
        ("hierarchical_f1", ("perfect", "noisy", "prior", "one class")),
    ],
)
def test_archetypes_are_ordered_as_theory_says(
    metric: str, order: tuple[str, ...], archetypes: dict[str, dict[str, float]]
) -> None:
    sign = 1 if METRICS[metric].direction == "higher" else -1
    values = [sign * archetypes[name][metric] for name in order]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]


def test_guessing_archetypes_have_the_values_of_theory(archetypes: dict[str, dict[str, float]]) -> None:
    for name in ("prior", "uniform", "one class"):
        assert archetypes[name]["macro_roc_auc"] == pytest.approx(0.5)
        assert archetypes[name]["mcc"] == 0
        assert archetypes[name]["balanced_accuracy"] == pytest.approx(0.2)
    assert archetypes["uniform"]["log_loss"] == pytest.approx(math.log(5))
    assert archetypes["prior"]["skill"] == pytest.approx(0, abs=1e-9)


def test_a_threshold_is_judged_on_objects_that_did_not_choose_it() -> None:
    """Against scikit-learn's curve on one half, and plain counting at that threshold on the other."""
    true, probability = random_case(50, 900, absent=0.05)
    probability = np.round(probability * 400) / 400  # on the grid of thresholds
    seen = snapshot_of(true, probability, layout=LAYOUT)
    half = (hash_ids(seen.object_id) >> np.uint64(17)).astype(int) & 1
    answered = ~np.isnan(probability).any(1)
    p = np.nan_to_num(probability, nan=-1.0)
    got = value_of("threshold_f1", seen)
    for t in range(5):
        right = wrong = 0
        for judge in (0, 1):
            chooses, judged = half != judge, half == judge
            precision, recall, tau = sk.precision_recall_curve(true[chooses] == t, p[chooses, t])
            f = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
            best = tau[f[:-1][tau > -1].argmax() + (tau <= -1).sum()]
            named = judged & answered & (p[:, t] >= best - 1e-9)
            right += (named & (true == t)).sum()
            wrong += (named & (true != t)).sum()
        want = 2 * right / (right + wrong + (true == t).sum())
        assert got[t] == pytest.approx(want, abs=0.02)  # ties between thresholds of equal F1
    own = [sk.precision_recall_curve(true == t, p[:, t]) for t in range(5)]
    optimistic = [(2 * a * b / np.maximum(a + b, 1e-300)).max() for a, b, _ in own]
    assert got.mean() <= np.mean(optimistic) + 1e-9
