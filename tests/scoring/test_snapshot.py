"""Probabilities as they count: normalised by a stated policy, nothing repaired silently."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.snapshot import DEFECTS, layout, snapshot, vectors, vectors_plain
from scoring.spec import Scoring

TRUTH = (2222, 2224)
OWN = (2332, 2222, 2224)
PRIOR = np.array([0.75, 0.25])
LAYOUT = layout(OWN, TRUTH, PRIOR)  # columns 200 300 2222 2224 2332


def _of(row: list[float], normalise: str = "residual") -> tuple[np.ndarray, int, dict[str, int]]:
    values, predicted, defects = vectors(
        np.array([row], "f4"), np.array([0]), layout=LAYOUT, normalise=normalise
    )
    return values[0], int(predicted[0]), dict(zip(DEFECTS, defects.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    normalise=st.sampled_from(["residual", "rescale", "reject"]),
    ties=st.sampled_from(["lowest", "residual"]),
)
def test_the_kernel_gives_what_the_plain_twin_gives(seed: int, normalise: str, ties: str) -> None:
    lay = replace(LAYOUT, ties=ties)
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(3), 30).astype("f4")
    probability[3] = 0
    probability[4] *= 0.5
    probability[5] *= 2
    probability[6, 1] = np.nan
    probability[7, 0] = -0.1
    probability[8] = 1 / 3
    probability[9, 2] = np.inf
    probability[10:15] = np.float32([0.4, 0.4, 0.2])
    rows = rng.integers(-1, 30, 60)
    for got, want in zip(
        vectors(probability, rows, layout=lay, normalise=normalise),
        vectors_plain(probability, rows, layout=lay, normalise=normalise),
        strict=True,
    ):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-15)  # one division apart


def test_what_is_missing_to_one_goes_to_residual() -> None:
    values, predicted, defects = _of([0.0, 0.3, 0.1])
    np.testing.assert_allclose(values, [0.6, 0, 0.3, 0.1, 0], atol=1e-7)  # float32 input
    assert LAYOUT.columns[predicted] == 200
    assert defects["sum_below_1"] == 1


def test_a_classifier_of_one_class_is_not_right_about_everything() -> None:
    """Pitt-Google sends one class alone: arg-max without Residual would make each object a Ia."""
    _, predicted, _ = _of([0.0, 0.05, 0.0])
    assert LAYOUT.columns[predicted] == 200


def test_rescaling_divides_by_the_sum() -> None:
    values, predicted, _ = _of([0.0, 0.3, 0.1], "rescale")
    np.testing.assert_allclose(values, [0, 0, 0.75, 0.25, 0], atol=1e-7)
    assert LAYOUT.columns[predicted] == 2222


def test_rejecting_takes_the_answer_as_missing() -> None:
    assert _of([0.0, 0.3, 0.1], "reject")[1] == -1
    assert _of([0.5, 0.3, 0.2], "reject")[1] >= 0


@pytest.mark.parametrize(
    ("row", "defect"),
    [
        ([0.1, 0.1, 0.1], "sum_below_1"),
        ([0.9, 0.9, 0.9], "sum_above_1"),
        ([0.0, 0.0, 0.0], "sum_zero"),
        ([np.nan, 0.5, 0.5], "not_a_probability"),
        ([-0.5, 1.0, 0.5], "not_a_probability"),
    ],
)
def test_every_fault_is_counted_once(row: list[float], defect: str) -> None:
    defects = _of(row)[2]
    assert defects.pop(defect) == 1
    assert not any(defects.values())


def test_rounding_of_float32_is_no_fault() -> None:
    rng = np.random.default_rng(0)
    probability = rng.dirichlet(np.full(3, 0.2), 1000).astype("f4")
    _, predicted, defects = vectors(probability, np.arange(1000), layout=LAYOUT, normalise="reject")
    assert not defects.any()
    assert (predicted >= 0).all()


def test_equal_probabilities_go_to_the_lowest_id_whatever_the_order_of_classes() -> None:
    for own in (OWN, OWN[::-1]):
        lay = layout(own, TRUTH, PRIOR)
        _, predicted, _ = vectors(
            np.full((1, 3), 1 / 3, "f4"), np.array([0]), layout=lay, normalise="residual"
        )
        assert lay.columns[predicted[0]] == 2222


def test_a_tie_names_none_of_its_classes_where_the_policy_says_so() -> None:
    lay = replace(LAYOUT, ties="residual")
    rows = np.array([[0.2, 0.4, 0.4], [0.4, 0.2, 0.4], [0.4, 0.3, 0.3], [0.5, 0.0, 0.0]], "f4")
    _, predicted, _ = vectors(rows, np.arange(4), layout=lay, normalise="residual")
    assert [lay.columns[c] for c in predicted] == [200, 200, 2332, 200]  # half is left to Residual: a tie
    _, predicted, _ = vectors(rows, np.arange(4), layout=LAYOUT, normalise="residual")
    assert [LAYOUT.columns[c] for c in predicted] == [2222, 2224, 2332, 200]
    objects = np.arange(4), np.zeros(4, np.int64)
    spec = Scoring(inner="spread", ties="residual")
    spread, _ = snapshot(rows, np.arange(4), objects=objects, layout=lay, spec=spec)
    assert [lay.columns[c] for c in spread.predicted] == [200, 200, 2332, 200]


@pytest.mark.parametrize(("missing", "expected"), [("prior", [0.75, 0.25]), ("worst", [0.0, 0.0])])
def test_an_object_without_answer_counts_as_the_policy_says(missing: str, expected: list[float]) -> None:
    seen, _ = snapshot(
        np.zeros((0, 3), "f4"),
        np.array([-1, -1]),
        objects=(np.array([5, 6]), np.array([0, 1])),
        layout=LAYOUT,
        spec=Scoring(missing=missing),  # type: ignore[arg-type]
    )
    assert seen.true_probability().tolist() == expected
    assert seen.predicted.tolist() == [-1, -1]


def test_excluded_objects_leave_the_denominator() -> None:
    seen, _ = snapshot(
        np.array([[0, 1, 0]], "f4"),
        np.array([-1, 0]),
        objects=(np.array([5, 6]), np.array([0, 1])),
        layout=LAYOUT,
        spec=Scoring(missing="exclude"),
    )
    assert seen.true.tolist() == [1]
    assert seen.object_id.tolist() == [6]


def test_probability_of_an_inner_class_is_spread_by_frequency_where_asked() -> None:
    """SN-like 0.6 over Ia and II at 3 to 1: 0.45 and 0.15 more; AGN keeps its own."""
    own = (2220, 2222, 2332)
    lay = layout(own, (2222, 2224, 2332), np.array([0.6, 0.2, 0.2]))
    row = np.array([[0.6, 0.1, 0.3]], "f4")
    objects = (np.array([1]), np.array([0]))
    kept, spread = (
        snapshot(row, np.array([0]), objects=objects, layout=lay, spec=Scoring(inner=inner))[0]  # type: ignore[arg-type]
        for inner in ("column", "spread")
    )
    by_class = dict(zip(lay.columns, spread.probability[0], strict=True))
    assert by_class[2220] == 0
    np.testing.assert_allclose([by_class[c] for c in (2222, 2224, 2332)], [0.55, 0.15, 0.3], atol=1e-7)
    assert lay.columns[kept.predicted[0]] == 2220
    assert lay.columns[spread.predicted[0]] == 2222
    absent, _ = snapshot(
        row, np.array([-1]), objects=objects, layout=lay, spec=Scoring(inner="spread", missing="worst")
    )
    assert absent.predicted[0] == -1
    assert absent.probability.sum() == 0
