"""Both classifiers of a pair on the same objects: what is kept, and resamples that move both alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.draws import multinomials
from scoring.nightly import NightlyPicks
from scoring.pairs import Joint, joint, margin, merge_joints, resample_joint
from scoring.ranks import DRAWN_FROM, RESAMPLES, Ranks, hash_ids, lowest, resampled
from scoring.reliability import ClassReliability
from scoring.snapshot import Layout, Snapshot
from scoring.states import Arrays, Cells, State, Statistics
from scoring.thresholds import Thresholds

__all__ = ["Drawn", "Piece", "Sides", "drawn", "merged", "piece"]

Two = tuple[Statistics, Statistics]


@dataclass(frozen=True)
class Sides:
    """The arrays of a state for each classifier, and a sample of the objects where it needs one."""

    a: Arrays
    b: Arrays
    sample: Arrays


Piece = Joint | Sides


@dataclass(frozen=True)
class Drawn:
    """Statistics of both classifiers, those of resamples, and those that the resamples lie around.

    around: of the objects that were resampled, where they are a sample; else what was seen.
    """

    seen: Two
    resamples: Two
    around: Two


def piece(state: State, a: Snapshot, b: Snapshot) -> Piece:
    """What is kept of two snapshots of the same objects in the same order."""
    if isinstance(state, Cells):
        return joint(state, a, b)
    binned = isinstance(state, ClassReliability | Thresholds)
    return Sides(state.count(a), state.count(b), _pruned(_sample(a, b)) if binned else {})


def _sample(a: Snapshot, b: Snapshot) -> dict[str, NDArray]:
    found: dict[str, NDArray] = {
        "hash": hash_ids(a.object_id),
        "true": a.true,
        "objects": np.bincount(a.true, minlength=len(a.layout.truth)).astype(np.int64),
    }
    for side, seen in (("a", a), ("b", b)):
        found[f"score_{side}"] = np.take(seen.probability, seen.layout.target, axis=1).astype(np.float32)
        found[f"answered_{side}"] = seen.predicted >= 0
    return found


def _pruned(sample: dict[str, NDArray]) -> Arrays:
    kept = lowest(sample["true"], sample["hash"], DRAWN_FROM)
    return {k: v if k == "objects" else v[kept] for k, v in sample.items()}


def merged(state: State, pieces: Sequence[Piece]) -> Piece:
    """What is kept of several sets of objects."""
    if isinstance(state, Cells):
        return merge_joints([p for p in pieces if isinstance(p, Joint)])
    sides = [p for p in pieces if isinstance(p, Sides)]
    a, b = (state.merge([getattr(p, side) for p in sides]) for side in ("a", "b"))
    samples = [p.sample for p in sides]
    if not samples[0]:
        return Sides(a, b, {})
    joined = {k: np.concatenate([s[k] for s in samples]) for k in samples[0] if k != "objects"}
    return Sides(a, b, _pruned({**joined, "objects": np.sum([s["objects"] for s in samples], axis=0)}))


def drawn(
    state: State, of: Piece, layouts: tuple[Layout, Layout], *, rng: Callable[[], np.random.Generator], n: int
) -> Drawn:
    """The statistics of n resamples of the objects for both classifiers, fewer for ranks and bins.

    rng: a fresh generator of the same numbers at each call.
    """
    if isinstance(of, Joint):
        assert isinstance(state, Cells)
        seen = (
            state.fold(layouts[0], *margin(of, "a", state, layouts[0])),
            state.fold(layouts[1], *margin(of, "b", state, layouts[1])),
        )
        return _around_seen(seen, resample_joint(state, of, layouts, rng=rng(), n=n))
    seen = state.statistics(layouts[0], of.a), state.statistics(layouts[1], of.b)
    if isinstance(state, NightlyPicks):
        return _around_seen(seen, _nightly(state, of, layouts, rng=rng(), n=n))
    if isinstance(state, ClassReliability | Thresholds):
        return _binned(state, of, layouts, seen, rng=rng(), n=n)
    assert isinstance(state, Ranks)  # draws by ids and true classes alone
    a, b = (state.resample(layouts[k], x, rng=rng(), n=n) for k, x in enumerate((of.a, of.b)))
    return _around_seen(seen, (a, b))


def _around_seen(seen: Two, resamples: Two) -> Drawn:
    return Drawn(seen, resamples, seen)


def _binned(
    state: ClassReliability | Thresholds, of: Sides, layouts: tuple[Layout, Layout], seen: Two, *,
    rng: np.random.Generator, n: int,
) -> Drawn:  # fmt: skip
    sample = of.sample
    rows, weight = resampled(sample, rng=rng, n=min(n, RESAMPLES), size=sample["objects"])
    true = sample["true"][rows]
    once = (sample["objects"] / np.maximum(np.bincount(true, minlength=len(sample["objects"])), 1))[true]
    found = []
    for w in (weight, once[None]):
        for k, side in enumerate("ab"):
            one = {"hash": sample["hash"][rows], "true": true, "score": sample[f"score_{side}"][rows]}
            found.append(state.weighted(layouts[k], {**one, "answered": sample[f"answered_{side}"][rows]}, w))
    return Drawn(seen, (found[0], found[1]), (found[2], found[3]))


def _nightly(
    state: NightlyPicks, of: Sides, layouts: tuple[Layout, Layout], *, rng: np.random.Generator, n: int
) -> Two:
    """Objects drawn picked by A, by B, by both or by none, a class's own and all others apart."""
    objects = of.a["objects"]
    counts = np.zeros((2, len(objects), 4), np.int64)  # own or other; class; none, A, B, both
    for c, (a, b) in enumerate(zip(state.picked(of.a), state.picked(of.b), strict=True)):
        hashes, first = np.unique(np.concatenate([a[0], b[0]]), return_index=True)
        own = np.concatenate([a[1], b[1]])[first] == c
        cell = np.isin(hashes, a[0]) + 2 * np.isin(hashes, b[0])
        for k, kind in enumerate((own, ~own)):
            counts[k, c] = np.bincount(cell[kind], minlength=4)
    counts[0, :, 0] = objects - counts[0].sum(1)
    counts[1, :, 0] = objects.sum() - objects - counts[1].sum(1)
    own, other = [multinomials(kind, rng=rng, n=n) for kind in counts]
    whole = np.broadcast_to(objects, own.shape[:2])

    def of_side(k: int) -> Statistics:
        right, wrong = (kind[..., [k + 1, 3]].sum(-1) for kind in (own, other))
        return Statistics(layouts[k], {"own": right, "other": wrong, "objects": whole})

    return of_side(0), of_side(1)
