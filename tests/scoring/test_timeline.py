"""The answer in force: as-of, whatever the order of rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from brokerbench.errors import AccountingError, ConfigError
from brokerbench.tables import NO_TIME, Classifications, Ledger, Objects
from scoring.axes import Point, find_point, points
from scoring.join import match, match_plain
from scoring.spec import Scoring
from scoring.timeline import as_received, eligible, in_force, in_force_plain, sent, with_answers
from tests.scoring.runs import Answering, Survey, answers_of, guessing, one_part

CLASSES = (2222, 2224, 2323, 2332)
POINTS = points(Scoring(detections=[1, 2, 5], days=[0.0, 3.0, 20.0]))


def _part(seed: int, answered: float = 0.7) -> tuple[Objects, Ledger, Classifications]:
    truth, ledger = one_part(Survey(objects=40, alerts=9, seed=seed), 0)
    how = Answering("a", CLASSES, guessing(CLASSES), answered=answered, seed=seed)
    return truth, ledger, answers_of(truth, ledger, how, part="00-00000")


@pytest.mark.parametrize("seed", range(5))
def test_the_kernel_finds_what_the_plain_twin_finds(seed: int) -> None:
    truth, ledger, answers = _part(seed)
    alerts = sent(truth, ledger, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    row[::7] = -1  # late ones
    got = in_force(alerts, answers, row=row, points=POINTS)
    assert (got == in_force_plain(alerts, answers, row=row, points=POINTS)).all()
    assert (got >= 0).any()
    assert (got < 0).any()


def test_no_answer_comes_from_after_the_point() -> None:
    truth, ledger, answers = _part(11)
    alerts = sent(truth, ledger, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    got = in_force(alerts, answers, row=row, points=POINTS)
    for a, point in enumerate(POINTS):
        used = row[got[got[:, a] >= 0, a]]
        if point.axis == "detection":
            detection = {
                i: d for i, d in zip(ledger.alert_id.tolist(), ledger.detection.tolist(), strict=True)
            }
            assert all(detection[i] <= point.at for i in alerts.alert_id[used].tolist())
        elif point.axis == "days":
            first = np.full(len(alerts.object_id), np.inf)
            np.minimum.at(first, alerts.object, alerts.mjd)
            assert (alerts.mjd[used] - first[alerts.object[used]] <= point.at + 1e-9).all()


def test_an_answer_stays_in_force_until_the_next_one() -> None:
    """Objects answered at detections 1 and 4 alone: at the third, the first answer holds."""
    truth, ledger, answers = _part(5, answered=1.0)
    alerts = sent(truth, ledger, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    detection = ledger.detection[row]
    row = np.where(np.isin(detection, [1, 4]), row, -1)
    third = (Point("detection", 3.0),)
    got = in_force(alerts, answers, row=row, points=third)[:, 0]
    assert (detection[got] == 1).all()


def test_the_order_of_rows_changes_nothing() -> None:
    truth, ledger, answers = _part(2)
    rng = np.random.default_rng(1)
    shuffled_ledger = ledger.take(rng.permutation(len(ledger)))
    order = rng.permutation(len(answers))
    found = []
    for rows, messages in ((ledger, answers), (shuffled_ledger, answers.take(order))):
        alerts = sent(truth, rows, where="t")
        got = in_force(alerts, messages, row=match(alerts.alert_id, messages.alert_id), points=POINTS)
        found.append(np.where(got >= 0, messages.alert_id[got], -1))
    assert (found[0] == found[1]).all()


def test_ties_in_time_go_to_the_answer_published_last_then_to_the_larger_id() -> None:
    truth, ledger, answers = _part(3, answered=1.0)
    same = Ledger(**{**ledger.as_dict(), "mjd": np.full(len(ledger), 61000.0)})
    alerts = sent(truth, same, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    last = (Point("last", math.nan),)
    got = in_force(alerts, answers, row=row, points=last)[:, 0]
    for item, k in enumerate(got):
        mine = np.flatnonzero(alerts.object[row] == item)
        assert answers.published[k] == answers.published[mine].max()
    level = Classifications(**{**answers.as_dict(), "published": np.zeros(len(answers), "i8")})
    got = in_force(alerts, level, row=row, points=last)[:, 0]
    for item, k in enumerate(got):
        mine = np.flatnonzero(alerts.object[row] == item)
        assert level.alert_id[k] == level.alert_id[mine].max()


def test_an_object_of_two_alerts_has_no_third_detection() -> None:
    truth, ledger, _ = _part(4)
    alerts = sent(truth, ledger, where="t")
    counts = np.bincount(alerts.object, minlength=len(alerts.object_id))
    reached = eligible(alerts, (Point("detection", 3.0), Point("days", 1e4), Point("last", math.nan)))
    assert (reached[:, 0] == (counts >= 3)).all()
    assert reached[:, 1:].all()


def test_a_day_limit_holds_in_spite_of_rounding() -> None:
    truth, ledger, answers = _part(6, answered=1.0)
    first_two = np.flatnonzero(ledger.object_id == ledger.object_id[np.argmax(ledger.detection == 2)])[:2]
    two = ledger.take(first_two)
    mjd = np.array([59580.1, 59581.4])
    assert mjd[1] - mjd[0] > 1.3  # the trap: 1.3000000000029104
    alerts = sent(truth, Ledger(**{**two.as_dict(), "mjd": mjd}), where="t")
    kept = answers.take(np.isin(answers.alert_id, two.alert_id))
    got = in_force(alerts, kept, row=match(alerts.alert_id, kept.alert_id), points=(Point("days", 1.3),))
    assert kept.alert_id[got[0, 0]] == two.alert_id[1]


def test_a_part_without_alerts_or_answers_is_empty() -> None:
    truth, ledger, answers = _part(1)
    nothing = sent(truth, ledger.take(np.zeros(0, "i8")), where="t")
    none = answers.take(np.zeros(0, "i8"))
    assert in_force(nothing, none, row=np.zeros(0, "i8"), points=POINTS).shape == (0, len(POINTS))
    assert eligible(nothing, POINTS).shape == (0, len(POINTS))


def test_a_ledger_of_objects_without_truth_does_not_balance() -> None:
    truth, ledger, _ = _part(1)
    with pytest.raises(AccountingError, match="expected objects of the run's truth, got"):
        sent(truth.take(np.arange(5)), ledger, where="here")


def test_an_alert_that_was_sent_twice_does_not_balance() -> None:
    truth, ledger, _ = _part(1)
    with pytest.raises(AccountingError, match="here: expected each alert once in the ledger"):
        sent(truth, Ledger.concat([ledger, ledger.take(np.array([3]))]), where="here")


@pytest.mark.parametrize("n_keys", [0, 1, 2, 1000])
def test_the_hash_join_is_the_sorted_join(n_keys: int) -> None:
    rng = np.random.default_rng(n_keys)
    keys = rng.integers(0, 1 << 52, n_keys)
    wanted = np.concatenate([rng.permutation(keys), rng.integers(0, 1 << 52, 50), [0, -1]]).astype("i8")
    assert (match(keys, wanted) == match_plain(keys, wanted)).all()


def test_equal_keys_join_to_the_first() -> None:
    assert match(np.array([5, 7, 5]), np.array([5, 7, 9])).tolist() == [0, 1, -1]


def test_a_point_that_was_not_scored_is_an_error_with_a_hint() -> None:
    assert find_point("days:3", POINTS) == Point("days", 3.0)
    with pytest.raises(
        ConfigError, match="axis: expected a point that was scored, got 'day:3'; did you mean"
    ):
        find_point("day:3", POINTS)


@pytest.mark.parametrize("field", ["detections", "days"])
def test_points_must_rise(field: str) -> None:
    with pytest.raises(ConfigError, match=f"scoring.{field}: expected rising numbers, each once"):
        Scoring(**{field: [3, 1]})  # type: ignore[arg-type]


def test_classes_are_named_once() -> None:
    with pytest.raises(ConfigError, match="scoring.classes: expected each id once"):
        Scoring(classes=[2222, 2222])


MORE = Scoring(
    detections=[2],
    days=[],
    answers=[1, 3],
    phases=[-10.0, 0.0, 15.0],
    rest_phases=[5.0],
    dates=[61010.0, 61030.0],
    fractions=[0.25, 1.0],
)


@pytest.mark.parametrize("seed", range(3))
def test_every_axis_is_as_of_like_the_plain_twin(seed: int) -> None:
    truth, ledger, answers = _part(seed)
    alerts = sent(truth, ledger, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    filled = with_answers(alerts, answers, row)
    at = points(MORE)
    got = in_force(filled, answers, row=row, points=at)
    assert (got == in_force_plain(filled, answers, row=row, points=at)).all()
    for a, point in enumerate(at):
        used = got[got[:, a] >= 0, a]
        mjd = alerts.mjd[row[used]]
        of = alerts.truth_row[alerts.object[row[used]]]
        if point.axis == "date":
            assert (mjd <= point.at + 1e-9).all()
        elif point.axis == "phase":
            assert (mjd - truth.t0[of] <= point.at + 1e-9).all()
        elif point.axis == "rest_phase":
            assert ((mjd - truth.t0[of]) / (1 + truth.z[of]) <= point.at + 1e-5).all()  # z is float32
    whole = got[:, at.index(Point("fraction", 1.0))]
    assert (whole == got[:, 0]).all()


def test_the_nth_answer_of_an_object_is_its_own_count() -> None:
    truth, ledger, answers = _part(4, answered=0.5)
    alerts = sent(truth, ledger, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    filled = with_answers(alerts, answers, row)
    third = (Point("answer", 3.0),)
    got = in_force(filled, answers, row=row, points=third)[:, 0]
    reached = eligible(filled, third)[:, 0]
    for item in range(len(alerts.object_id)):
        mine = np.flatnonzero(alerts.object[row] == item)
        mine = mine[np.argsort(alerts.mjd[row[mine]])]
        assert reached[item] == (len(mine) >= 3)
        if len(mine) >= 3:
            assert got[item] == mine[2]


def test_in_operations_an_answer_counts_from_when_it_was_at_hand() -> None:
    truth, ledger, answers = _part(7, answered=1.0)
    alerts = sent(truth, ledger, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    rng = np.random.default_rng(7)
    late = rng.uniform(-1.0, 5.0, len(answers))  # days; the clocks of some disagree
    published = alerts.sent[row] + np.round(late * 86_400e6).astype("i8")
    published[::6] = NO_TIME
    answers = Classifications(**{**answers.as_dict(), "published": published})
    late = np.where(published == NO_TIME, 0.0, np.maximum(late, 0.0))
    shifted = as_received(alerts, answers, row)
    at = points(MORE)
    got = in_force(shifted, answers, row=row, points=at)
    assert (got == in_force_plain(shifted, answers, row=row, points=at)).all()
    observed = in_force(alerts, answers, row=row, points=at)
    changed = 0
    for a, point in enumerate(at):
        for item in range(len(alerts.object_id)):
            mine = np.flatnonzero(alerts.object[row] == item)
            t = truth.t0[alerts.truth_row[item]]
            z = 0.0 if np.isnan(truth.z[alerts.truth_row[item]]) else float(truth.z[alerts.truth_row[item]])
            mjd = alerts.mjd[row[mine]]
            place = {
                "date": mjd + late[mine],
                "days": mjd - alerts.mjd[alerts.object == item].min() + late[mine],
                "phase": mjd - t + late[mine],
                "rest_phase": (mjd - t + late[mine]) / (1 + z),
            }.get(point.axis)
            if place is None:  # axes that count alerts, and the last answer, know no clock
                assert got[item, a] == observed[item, a]
                continue
            there = mine[place <= point.at + 1e-6]
            want = there[np.argsort(alerts.mjd[row[there]])[-1]] if len(there) else -1
            assert got[item, a] == want
            changed += want != observed[item, a]
    assert changed > 20


def test_only_transients_have_a_phase() -> None:
    truth, ledger, _ = _part(2)
    alerts = sent(truth, ledger, where="t")
    reached = eligible(alerts, (Point("phase", 5.0), Point("rest_phase", -5.0)))
    assert (reached == np.isin(alerts.class_id, [2222, 2224])[:, None]).all()


def test_active_objects_are_between_their_first_and_last_alert() -> None:
    truth, ledger, _ = _part(3)
    alerts = sent(truth, ledger, where="t")
    date = Point("date", 61015.0)
    active = eligible(alerts, (date, Point("last", math.nan)), denominator="active")
    first, last = np.full((2, len(alerts.object_id)), np.nan)
    for item in range(len(first)):
        mine = alerts.mjd[alerts.object == item]
        first[item], last[item] = mine.min(), mine.max()
    assert (active[:, 0] == ((first <= 61015) & (last >= 61015))).all()
    assert active[:, 1].all()
    assert 0 < active[:, 0].sum() < len(first)


@pytest.mark.parametrize(("axis", "at"), [("phases", [0.0]), ("answers", [2]), ("fractions", [0.5])])
def test_points_of_every_axis_have_a_key_and_words(axis: str, at: list[float]) -> None:
    spec = Scoring(**{axis: at})  # type: ignore[arg-type]
    assert len({p.key for p in points(spec)}) == len({p.label for p in points(spec)}) == 8
