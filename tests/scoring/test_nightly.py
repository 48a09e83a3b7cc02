"""Purity and completeness of what a programme of fixed size picks each night, by hand and the slow way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokerbench.config import decode
from brokerbench.errors import ConfigError
from brokerbench.store import Folder
from brokerbench.tables import Classifications, Ledger, Objects
from scoring.join import match
from scoring.leaderboard import load_scores
from scoring.metric import METRICS
from scoring.nightly import NIGHTLY, last_of_nights, night_of
from scoring.picks import filled, numbered, picks_plain
from scoring.ranks import hash_ids
from scoring.score import score
from scoring.snapshot import Nightly
from scoring.spec import Scoring
from scoring.timeline import sent
from tests.scoring.runs import Answering, Survey, answers_of, guessing, one_part
from tests.scoring.snapshots import layout_of, snapshot_of, statistics_of

LAYOUT = layout_of()
NAMES = ("night_purity", "night_completeness")


def test_purity_and_completeness_by_hand() -> None:
    """Two a night. Objects 0, 2, 3, 4 are SN Ia, 1 and 5 Ib/c; 4 is never answered.

    Ia: night 1 takes 0 (.9) and 1 (.8), not 2 (.7); night 2 takes 2 (.6) and 0 again (.55), not 3 (.5);
    night 3 takes 5 alone. Picked 0, 1, 2, 5: purity 2/4, completeness 2/4.
    Ib/c: night 1 takes 2 (.3) and 1 (.2); night 2 takes 3 (.5) and 0 (.45); night 3 nobody (0).
    Picked 0, 1, 2, 3: purity 1/4, completeness 1/2. Of the other classes nobody was picked.
    """
    true = np.array([0, 1, 0, 0, 0, 1])
    answers = [(1, 0, 0.9), (1, 1, 0.8), (1, 2, 0.7), (2, 2, 0.6), (2, 0, 0.55), (2, 3, 0.5), (3, 5, 1.0)]
    night, row, p = (np.array(x) for x in zip(*answers, strict=True))
    probability = np.zeros((len(p), 5), "f4")
    probability[:, 0], probability[:, 1] = p, 1 - p
    seen = snapshot_of(true, np.eye(5)[true], layout=LAYOUT)
    seen = replace(seen, nightly=Nightly(2, night, row, probability))
    purity, completeness = (METRICS[n].value(statistics_of(METRICS[n], seen)) for n in NAMES)
    np.testing.assert_allclose(purity, [2 / 4, 1 / 4, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(completeness, [2 / 4, 1 / 2, np.nan, np.nan, np.nan])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 60), budget=st.integers(1, 12), digits=st.integers(0, 3))
def test_the_kernel_picks_what_sorting_picks(seed: int, n: int, budget: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    night, hashes = rng.integers(0, 4, n), hash_ids(rng.permutation(n))
    score = np.round(rng.random((n, 3)), digits).astype("f4")  # with ties and zeros
    rows = {"night": night, "hash": hashes, "true": (hashes % 5).astype("i2"), "score": score}
    halves = [{k: v[cut] for k, v in rows.items()} for cut in (slice(0, n // 2), slice(n // 2, n))]
    want = picks_plain(night, hashes, score, budget=budget)
    whole = filled([rows], [], classes=3, budget=budget)
    first, second = (filled([half], [], classes=3, budget=budget) for half in halves)
    for lists in (
        whole,
        filled(halves[::-1], [], classes=3, budget=budget),
        filled([halves[1]], [first], classes=3, budget=budget),
        filled([], [second, first], classes=3, budget=budget),
    ):
        assert lists["night"].tolist() == sorted(set(night.tolist()))
        for i, one in enumerate(lists["night"]):
            for c in range(3):
                held = slice(0, lists["size"][i, c])
                members = lists["hash"][i, c, held].tolist()
                assert sorted(members) == sorted(hashes[want[:, c] & (night == one)].tolist())
                assert (lists["true"][i, c, held] == lists["hash"][i, c, held] % 5).all()


@pytest.mark.parametrize("seed", range(6))
def test_the_last_answer_of_a_night_goes_by_time_then_publication_then_id(seed: int) -> None:
    classes = (2222, 2224, 2323, 2332)
    truth, ledger = one_part(Survey(objects=30, alerts=12, seed=seed), 0)
    rng = np.random.default_rng(seed)
    mjd = np.floor(ledger.mjd) + 0.67 + rng.integers(-2, 3, len(ledger)) / 4  # ties, on both sides of noon
    ledger = Ledger(**{**ledger.as_dict(), "mjd": mjd})
    how = Answering("a", classes, guessing(classes), answered=0.8, seed=seed)
    answers = answers_of(truth, ledger, how, part="00-00000")
    published = rng.integers(0, 3, len(answers))
    answers = Classifications(**{**answers.as_dict(), "published": published})
    alerts = sent(truth, ledger, where="t")
    row = match(alerts.alert_id, answers.alert_id)
    row[::7] = -1  # late ones
    want: dict[tuple[int, int], tuple[tuple[float, int, int], int]] = {}
    for k in np.flatnonzero(row >= 0).tolist():
        alert = row[k]
        key = int(alerts.object[alert]), int(night_of(alerts.mjd[alert]))
        rank = float(alerts.mjd[alert]), int(published[k]), int(alerts.alert_id[alert])
        want[key] = max(want.get(key, (rank, k)), (rank, k))
    got = last_of_nights(alerts, answers, row)
    assert sorted(got.tolist()) == sorted(k for _, k in want.values())
    assert len(got) < (row >= 0).sum()  # some nights have several


def test_nights_far_apart_are_numbered_as_well() -> None:
    night = np.array([7, 10**12, -3, 7])
    distinct, index = numbered(night)
    assert distinct.tolist() == [-3, 7, 10**12]
    assert index.tolist() == [1, 2, 0, 1]
    assert [part.tolist() for part in numbered(night[:0])] == [[], []]


def test_parts_give_the_lists_of_the_whole() -> None:
    rng = np.random.default_rng(5)
    true = rng.integers(0, 5, 300)
    seen = snapshot_of(true, rng.dirichlet(np.ones(5), 300), layout=LAYOUT)
    assert seen.nightly is not None
    whole = NIGHTLY.count(replace(seen, nightly=replace(seen.nightly, budget=7)))
    pieces = []
    for p in np.array_split(rng.permutation(300), 6):
        one = snapshot_of(true[p], seen.probability[p][:, LAYOUT.own], layout=LAYOUT, ids=p)
        assert one.nightly is not None
        pieces.append(NIGHTLY.count(replace(one, nightly=replace(one.nightly, budget=7))))
    merged = NIGHTLY.merge(pieces)
    assert len(merged["row_night"]) == 0
    assert merged["hash"].shape == (3, 5, 7)  # nights, classes, budget
    for got, want in zip(NIGHTLY.picked(merged), NIGHTLY.picked(whole), strict=True):
        assert [x.tolist() for x in got] == [x.tolist() for x in want]
    for name, got in NIGHTLY.statistics(LAYOUT, merged).arrays.items():
        assert (got == NIGHTLY.statistics(LAYOUT, whole)[name]).all()


def test_a_state_of_nights_needs_them() -> None:
    seen = snapshot_of(np.zeros(1, "i8"), np.eye(5)[[0]], layout=LAYOUT)
    with pytest.raises(ValueError, match="expected a snapshot with the answers of each night"):
        NIGHTLY.count(replace(seen, nightly=None))
    with pytest.raises(ConfigError, match="x: budget: Expected `int` >= 1"):
        decode({"budget": 0}, Scoring, where="x")


def _slowly(run: Folder, name: str, budget: int) -> dict[int, tuple[float, float]]:
    """Purity and completeness of each class from the files, night by night."""
    answers, ledgers = Folder.open(run.path / "answers" / name), Folder(run.path / "ledger")
    classes = answers.manifest["classes"]
    true: dict[int, int] = {}
    last: dict[tuple[int, int], tuple[float, list[float]]] = {}
    for part in ledgers.parts:
        ledger, truth = ledgers.read("ledger", part, Ledger), run.read("truth/objects", part, Objects)
        of = dict(zip(truth.object_id.tolist(), truth.class_id.tolist(), strict=True))
        true |= {o: of[o] for o in ledger.object_id.tolist()}
        mjd = dict(zip(ledger.alert_id.tolist(), ledger.mjd.tolist(), strict=True))
        table = answers.read("classifications", part, Classifications)
        for k in range(len(table)):
            t = mjd[int(table.alert_id[k])]
            key = int(night_of(np.array(t))), int(table.object_id[k])
            last[key] = max(last.get(key, (-1.0, [])), (t, table.probability[k].tolist()))
    found = {}
    for c in sorted(set(true.values())):
        column, picked = classes.index(c), set()
        for night in {n for n, _ in last}:
            mine = [(p[column] / sum(p), o) for (n, o), (_, p) in last.items() if n == night]
            picked |= {o for p, o in sorted(mine, reverse=True)[:budget]}
        right = sum(true[o] == c for o in picked)
        found[c] = right / len(picked), right / sum(x == c for x in true.values())
    return found


@pytest.mark.parametrize("budget", [2, 100])
def test_scores_are_those_of_the_files_night_by_night(answered: Folder, tmp_path: Path, budget: int) -> None:
    spec = Scoring(resamples=200, metrics=list(NAMES), budget=budget, slices=[])
    table, about = load_scores(score(answered, spec=spec, out=tmp_path / "s"))
    assert set(table.axis) == {"last"}
    assert about["spec"]["budget"] == budget
    for name in ("good", "poor"):
        want = _slowly(answered, name, budget)
        for metric, column in zip(NAMES, range(2), strict=True):
            rows = (table.classifier == f"{name} 1") & (table.metric == metric)
            got = dict(zip(table.class_id[rows].tolist(), table.value[rows].tolist(), strict=True))
            assert got == pytest.approx({c: v[column] for c, v in want.items()}, abs=1e-12)
            assert (table.low[rows] <= table.value[rows]).all()
            assert (table.value[rows] <= table.high[rows]).all()
