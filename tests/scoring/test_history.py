"""Histories of answers: when an object was right for good, how it wavered, how early it was decided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from brokerbench.store import Folder
from brokerbench.tables import Classifications
from scoring.history import History, histories, histories_plain
from scoring.join import match
from scoring.leaderboard import load_scores
from scoring.score import score
from scoring.snapshot import layout, vectors_plain
from scoring.spec import Scoring
from scoring.survival import STABLE, edges, kaplan_meier_median
from scoring.timeline import sent
from scoring.tree import column_distances
from tests.scoring.runs import Answering, Survey, answers_of, guessing, one_part
from tests.scoring.snapshots import layout_of, snapshot_of, value_of

CLASSES = (2222, 2224, 2323, 2332)
LAYOUT = layout(CLASSES, CLASSES, np.full(4, 0.25))


def _histories(
    seed: int, *, answered: float = 0.7, ties: str = "lowest", rounded: bool = False
) -> tuple[History, History]:
    truth, ledger = one_part(Survey(objects=60, alerts=9, seed=seed), 0)
    how = Answering("a", CLASSES, guessing(CLASSES, 1.5), answered=answered, seed=seed)
    answers = answers_of(truth, ledger, how, part="00-00000")
    if rounded:
        quarters = np.round(answers.probability * 4).astype("f4") / np.float32(4)
        answers = Classifications(**{**answers.as_dict(), "probability": quarters})
    alerts = sent(truth, ledger, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    row[::9] = -1
    target = LAYOUT.target[np.searchsorted(CLASSES, alerts.class_id)]
    target[:3] = -1  # classes that are not scored
    given = {"row": row, "target": target, "layout": replace(LAYOUT, ties=ties)}
    return histories(alerts, answers, **given), histories_plain(alerts, answers, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(4))
def test_one_pass_finds_what_object_by_object_finds(seed: int) -> None:
    got, want = _histories(seed)
    for name in History.__dataclass_fields__:
        np.testing.assert_allclose(getattr(got, name), getattr(want, name), atol=1e-12, err_msg=name)
    assert np.isnan(got.stable).any()
    assert (got.flips > 1).any()
    assert (got.stable > 0).any()


def test_ties_in_a_history_name_what_the_policy_says() -> None:
    got, want = _histories(3, ties="residual", rounded=True)
    for name in History.__dataclass_fields__:
        np.testing.assert_allclose(getattr(got, name), getattr(want, name), atol=1e-12, err_msg=name)
    assert not np.array_equal(got.flips, _histories(3, rounded=True)[0].flips)


def _transported(p: np.ndarray, q: np.ndarray, cost: np.ndarray) -> float:
    """The least cost of turning p into q, by linear programming."""
    n = len(p)
    rows = np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))
    found = linprog(cost.ravel(), A_eq=np.vstack(rows), b_eq=np.concatenate([p, q]))
    return float(found.fun)


def test_distances_of_histories_are_wassersteins_on_the_tree() -> None:
    """Two classes of one branch, one of another, one beyond, and what is left to Residual."""
    classes = (2222, 2224, 2232, 2332, 2220, 2221)
    lay = layout(classes, classes[:4], np.full(4, 0.25))
    rng = np.random.default_rng(4)
    given = rng.dirichlet(np.full(6, 0.4), 30).astype("f4")
    given[::5] *= np.float32(0.5)  # half to Residual
    n = len(given)
    truth, ledger = one_part(Survey(objects=12, alerts=9, classes=classes[:4]), 0)
    ledger = ledger.take(np.arange(n))
    answers = answers_of(
        truth, ledger, Answering("a", classes, lambda t, r, g: np.zeros((len(r), 6))), part="00-00000"
    )
    order = match(answers.alert_id, ledger.alert_id)
    answers = Classifications(**{**answers.as_dict(), "probability": given[np.argsort(order)]})
    alerts = sent(truth, ledger, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    target = lay.target[np.searchsorted(classes[:4], alerts.class_id)]
    got = histories(alerts, answers, row=row, target=target, layout=lay)
    cost = column_distances(lay.columns).astype(float)
    assert (cost == cost.T).all()
    checked = 0
    for item in range(len(alerts.object_id)):
        mine = [k for k in range(n) if alerts.object[row[k]] == item]
        mine.sort(key=lambda k: alerts.mjd[row[k]])
        vectors, _, _ = vectors_plain(answers.probability, np.array(mine), layout=lay, normalise="residual")
        truth_is = np.eye(len(lay.columns))[target[item]]
        away = [_transported(p, truth_is, cost) for p in vectors]
        assert got.away[item] == pytest.approx(np.mean(away), abs=1e-7)
        moves = [_transported(p, q, cost) for p, q in zip(vectors, vectors[1:], strict=False)]
        assert got.move[item] == pytest.approx(np.mean(moves) if moves else 0.0, abs=1e-7)
        checked += len(moves)
    assert checked > 5


def test_an_object_that_was_never_answered_is_watched_to_its_end() -> None:
    got, _ = _histories(1, answered=0.0)
    assert np.isnan(got.stable).all()
    assert np.isnan(got.confident).all()
    assert (got.decided == 1).all()
    assert not got.right.any()


def test_the_median_is_kaplan_and_meiers() -> None:
    """Days 1, 2, 2, 5 happened; one was lost at 3, one at 9. S: 5/6, 1/2 at day 2."""
    e = edges()
    events, censored = np.zeros((2, len(e)), "i8")

    def at(day: float) -> int:
        return int(np.searchsorted(e, day, side="right") - 1)

    for day in (1, 2, 2, 5):
        events[at(day)] += 1
    for day in (3, 9):
        censored[at(day)] += 1
    assert kaplan_meier_median(events, censored) == e[at(2)]
    assert e[at(2)] <= 2 < e[at(2) + 1]
    events[at(2)] = 1  # S: 4/5, 3/5, then 3/10 at day 5
    assert kaplan_meier_median(events, censored) == e[at(5)]
    events[at(2)] = events[at(5)] = 0  # S: 2/3
    assert np.isnan(kaplan_meier_median(events, censored))
    assert np.isnan(kaplan_meier_median(np.zeros(len(e), "i8"), np.zeros(len(e), "i8")))


def test_bins_of_time_are_an_eighth_wide_at_most_and_begin_at_zero() -> None:
    e = edges()
    assert e[0] == 0
    assert (np.diff(e) > 0).all()
    assert e[-1] > 400
    beyond = e > 1
    assert (np.diff(e)[beyond[:-1]] / e[:-1][beyond[:-1]] < 0.12).all()


def test_earliness_by_hand() -> None:
    """Three decided rightly after 0, 1/2 and all of their days, one wrongly at once: A 3/4, E 3/8."""
    seen = snapshot_of(np.zeros(4, "i8"), np.eye(5)[[0, 0, 0, 1]], layout=layout_of())
    assert seen.history is not None
    from dataclasses import replace

    history = replace(
        seen.history, decided=np.array([0, 0.5, 1, 0]), right=np.array([True, True, True, False])
    )
    value = value_of("earliness_accuracy", replace(seen, history=history))[0]
    assert value == pytest.approx(2 * 0.75 * 0.625 / (0.75 + 0.625))


def test_a_state_of_histories_needs_them() -> None:
    from dataclasses import replace

    seen = snapshot_of(np.zeros(1, "i8"), np.eye(5)[[0]], layout=layout_of())
    with pytest.raises(ValueError, match="the last snapshot alone has histories"):
        STABLE.count(replace(seen, history=None))


def test_histories_are_scored_at_the_last_point_alone(answered: Folder, tmp_path: Path) -> None:
    names = ["time_to_stable", "time_to_confidence", "flips", "instability", "earliness_accuracy"]
    names += ["tree_instability", "history_distance"]
    spec = Scoring(resamples=100, metrics=[*names, "accuracy"])
    table, _ = load_scores(score(answered, spec=spec, out=tmp_path / "s"))
    mine = np.isin(table.metric, names)
    assert set(table.axis[mine]) == {"last"}
    value = {(m, c): v for m, c, v in zip(table.metric, table.classifier, table.value, strict=True)}
    assert value["time_to_stable", "good 1"] < value["time_to_stable", "poor 1"] or np.isnan(
        value["time_to_stable", "poor 1"]
    )
    for name in ("flips", "tree_instability", "history_distance"):
        assert value[name, "good 1"] < value[name, "poor 1"]
    assert value["earliness_accuracy", "good 1"] > value["earliness_accuracy", "poor 1"]
