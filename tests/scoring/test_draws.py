"""Resamples of counts, sorted scores, held-out thresholds and quantiles beside their plain twins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from scoring import ranks
from scoring.bins import class_bins, class_bins_plain
from scoring.draws import multinomials, multinomials_plain
from scoring.metric import METRICS
from scoring.ranks import DRAWN_FROM, RANKS, hash_ids, lowest, resampled
from scoring.separation import ascending
from scoring.thresholds import held_out_f1, held_out_f1_plain
from scoring.values import quantiles
from tests.scoring.snapshots import layout_of, random_case, snapshot_of, value_of

ROWS = (
    (5,),
    (1, 1),
    (3, 0, 16, 16),
    (16, 16),
    (2, 3, 5, 7),
    (20, 20, 20, 0, 20),
    (1000, 20, 3, 0, 50),
    (100_000, 300, 15, 16),
    (16,) * 30,
    (15,) * 30,
)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("draw", [multinomials, multinomials_plain])
def test_resamples_have_the_sum_and_the_law_of_a_multinomial(row, draw) -> None:  # type: ignore[no-untyped-def]
    counts = np.array([row, row], "i8")
    drawn = draw(counts, rng=np.random.default_rng(3), n=40_000)
    total = counts[0].sum()
    assert (drawn >= 0).all()
    assert (drawn.sum(2) == total).all()
    assert (drawn[:, :, counts[0] == 0] == 0).all()
    p, k = counts[0] / total, np.arange(total + 1)
    for t in range(2):
        for j in np.flatnonzero(counts[0]):
            share = np.searchsorted(np.sort(drawn[:, t, j]), k, side="right") / len(drawn)
            # 0.0087 is the Kolmogorov-Smirnov statistic that 40,000 draws exceed once in 200 times;
            # 0.004 is what the docstring grants.
            assert np.abs(share - binom.cdf(k, total, p[j])).max() < 0.0087 + 0.004
    want = total * (np.diag(p) - np.outer(p, p))
    covariance = np.atleast_2d(np.cov(drawn[:, 0].T))
    # The variance of a variance of 40,000 draws is 2/40,000 of its square, where tails are normal.
    spread = np.sqrt(np.outer(want.diagonal(), want.diagonal()))
    assert (np.abs(covariance - want) <= 0.05 * spread + 1e-12).all()


def test_rows_are_drawn_apart_and_alike_for_equal_generators() -> None:
    counts = np.array([[40, 60], [40, 60]], "i8")
    a, b = (multinomials(counts, rng=np.random.default_rng(8), n=4000) for _ in range(2))
    assert (a == b).all()
    assert abs(np.corrcoef(a[:, 0, 0], a[:, 1, 0])[0, 1]) < 0.06  # four standard errors of 4,000


def test_nothing_is_drawn_of_nothing() -> None:
    assert multinomials(np.zeros((2, 3), "i8"), rng=np.random.default_rng(0), n=4).sum() == 0
    assert multinomials(np.zeros((0, 3), "i8"), rng=np.random.default_rng(0), n=4).shape == (4, 0, 3)
    assert multinomials(np.ones((2, 3), "i8"), rng=np.random.default_rng(0), n=0).shape == (0, 2, 3)


@pytest.mark.parametrize("kept", [40, DRAWN_FROM, 4 * DRAWN_FROM])
def test_weights_of_ranked_objects_scatter_as_a_bootstrap_of_all_that_were_kept(kept: int) -> None:
    rng = np.random.default_rng(5)
    arrays = {
        "true": np.repeat([0, 2], [kept, 3]),
        "hash": rng.permutation(kept + 3).astype("u8"),
        "objects": np.array([10 * kept, 0, 3]),
    }
    used, weight = resampled(arrays, rng=rng, n=2000)
    true = arrays["true"][used]
    assert weight.shape == (2000, min(kept, DRAWN_FROM) + 3)
    np.testing.assert_allclose(weight[:, true == 0].sum(1), 10 * kept)
    np.testing.assert_allclose(weight[:, true == 2].sum(1), 3)
    # A mean of scores over a resample of `kept` objects has the variance of a score over `kept`.
    score = rng.normal(size=(true == 0).sum())
    means = (weight[:, true == 0] * score).sum(1) / (10 * kept)
    assert means.std() == pytest.approx(score.std() / np.sqrt(kept), rel=0.08)  # 5 standard errors


def test_weights_do_not_depend_on_the_order_of_objects() -> None:
    rng = np.random.default_rng(6)
    hashes = rng.permutation(900).astype("u8")
    arrays = {"true": rng.integers(0, 2, 900), "hash": hashes, "objects": np.array([900, 900])}
    order = rng.permutation(900)
    other = {**arrays, "true": arrays["true"][order], "hash": hashes[order]}
    a, wa = resampled(arrays, rng=np.random.default_rng(1), n=5)
    b, wb = resampled(other, rng=np.random.default_rng(1), n=5)
    assert (hashes[a] == hashes[order][b]).all()
    np.testing.assert_array_equal(wa, wb)


def test_intervals_of_ranks_lie_around_the_value_of_all_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    true, probability = random_case(8, 3000)
    seen = snapshot_of(true, probability, layout=layout_of())
    arrays, names = RANKS.count(seen), ("macro_roc_auc", "roc_auc", "average_precision", "hand_till_auc")

    def ends() -> dict[str, np.ndarray]:
        drawn = RANKS.resample(layout_of(), arrays, rng=np.random.default_rng(4), n=200)
        return {m: quantiles(METRICS[m].value(drawn).reshape(200, -1), (0.025, 0.975)) for m in names}

    whole = ends()
    monkeypatch.setattr(ranks, "DRAWN_FROM", 100)
    some = ends()
    for name in names:
        value = value_of(name, seen)
        for low, high in (whole[name], some[name]):
            assert (low <= value).all()
            assert (value <= high).all()
        # 100 of 600 objects a class: a width is known to one part in sqrt(200).
        np.testing.assert_allclose(some[name][1] - some[name][0], whole[name][1] - whole[name][0], rtol=0.4)


@pytest.mark.parametrize("most", [1, 30, 1000])
def test_the_sample_of_a_class_is_that_of_its_smallest_hashes(most: int) -> None:
    rng = np.random.default_rng(most)
    true, hashes = rng.choice([0, 1, 4], 500, p=[0.7, 0.25, 0.05]), hash_ids(np.arange(500))
    want = np.zeros(500, bool)
    for t in range(5):
        mine = np.flatnonzero(true == t)
        want[mine[np.argsort(hashes[mine])[:most]]] = True
    assert (lowest(true, hashes, most) == want).all()
    assert lowest(true[:0], hashes[:0], most).tolist() == []


@pytest.mark.parametrize("n", [0, 1, 2, 5000])
def test_scores_come_in_ascending_order_and_ties_as_they_were(n: int) -> None:
    rng = np.random.default_rng(n)
    score = np.where(rng.random(n) < 0.3, rng.integers(0, 5, n) / 4, rng.random(n)).astype("f4")
    score[: n // 4] *= np.float32(-0.0)  # a negative zero is a zero
    assert ascending(score).tolist() == np.argsort(score, kind="stable").tolist()


@pytest.mark.parametrize(("bins", "n_groups"), [(1, 1), (15, 1), (40, 2)])
def test_bins_of_each_class_equal_their_plain_twin(bins: int, n_groups: int) -> None:
    rng = np.random.default_rng(bins)
    true, probability = random_case(bins, 300, absent=0.2)
    probability[:9] = np.eye(5)[rng.integers(0, 5, 9)]  # 1 lies in the last bin
    seen = snapshot_of(true, probability, layout=layout_of())
    group = rng.integers(0, n_groups, 300)
    got, stated = class_bins(seen, bins, group=group, n_groups=n_groups)
    want, sums = class_bins_plain(seen, bins, group=group, n_groups=n_groups)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(stated, sums)
    answered = (seen.predicted >= 0).sum()
    assert 0 < answered < 300
    assert (got.sum((1, 2, 3)) == answered).all()
    assert got[:, :, :, -1].sum() >= 9


def test_held_out_f1_equals_its_plain_twin() -> None:
    rng = np.random.default_rng(12)
    cells = rng.poisson(rng.random((5, 7, 2, 2, 41)) ** 6 * 4)
    cells[0, 0, 1, 0] = 0  # a half without the class
    cells[1, 1] = 0
    cells[2, 2, :, :, 1:] = 0  # nothing was ever stated
    cells[2, 2, :, :, 0] = 3
    got, want = held_out_f1(cells), held_out_f1_plain(cells)
    assert np.isnan(got[[0, 1], [0, 1]]).all()
    assert got[2, 2] == 0.0
    assert np.nanmax(got) > 0.4
    np.testing.assert_array_equal(got, want)


def test_quantiles_equal_numpy_and_leave_undefined_resamples_out() -> None:
    rng = np.random.default_rng(2)
    samples = rng.normal(size=(101, 5))
    samples[rng.random(samples.shape) < 0.2] = np.nan
    samples[:, 3] = np.nan
    samples[1:, 4] = np.nan
    got = quantiles(samples, (0.025, 0.5, 1.0))
    for c in (0, 1, 2, 4):
        want = np.nanquantile(samples[:, c], [0.025, 0.5, 1.0])
        np.testing.assert_allclose(got[:, c], want, rtol=1e-14)
    assert np.isnan(got[:, 3]).all()
