"""Classifiers compared on the same objects, with intervals of their differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import ConfigError, InputError, UnknownName, did_you_mean
from brokerbench.rng import stream
from brokerbench.store import Folder
from brokerbench.tables import Classifications
from scoring.axes import Point, find_point, points
from scoring.metric import Metric, chosen
from scoring.paired import Drawn, Piece, drawn, merged, piece
from scoring.pairs import Joint, holm, mcnemar
from scoring.plans import make_plans
from scoring.scope import scoped
from scoring.snapshot import Snapshot, snapshot
from scoring.sources import Answers, RunParts, find_answers, open_run
from scoring.spec import Scoring
from scoring.states import CONFUSION, State
from scoring.tally import Plan, class_rows, placed, used_rows, with_history
from scoring.timeline import Sent, eligible

__all__ = ["Difference", "Pair", "against", "compare", "differences"]


@dataclass(frozen=True)
class Difference:
    """Metric of A less metric of B on the same objects.

    class_id: of a metric of single classes, -1 of any other. p: share of resamples on the other side of
    0, twice; holm: adjusted for all pairs. better: the label that is better where holm is below 1 -
    confidence, else empty. missing: why there is no difference, where it is NaN.
    """

    metric: str
    class_id: int
    a: float = np.nan
    b: float = np.nan
    difference: float = np.nan
    low: float = np.nan
    high: float = np.nan
    p: float = np.nan
    holm: float = np.nan
    better: str = ""
    missing: str = ""


@dataclass(frozen=True)
class Pair:
    """Two classifiers at one point."""

    a: str
    b: str
    axis: str
    n: int
    a_alone: int  # objects that A alone named rightly
    b_alone: int
    mcnemar: float
    mcnemar_holm: float
    differences: tuple[Difference, ...]

    def as_dict(self) -> dict[str, Any]:
        """The pair as plain dicts and lists."""
        return asdict(self)


def compare(
    run: Folder, classifiers: Sequence[str] | None = None, *, spec: Scoring, axis: str = "last"
) -> list[Pair]:
    """Every pair of the run's classifiers at one point, their differences tested on paired objects.

    classifiers: labels or folder names, all for None. Every metric of `spec.metrics` has its rows, those
    of single classes one a class; metrics of whole histories are compared at the last point alone, and
    say so elsewhere. Under `missing = "exclude"` a pair rests on the objects that both answered. Raises
    UnknownName for a classifier, ConfigError for a point or for unlike scopes, InputError for fewer
    than two.
    """
    parts = open_run(run)
    answers = _named(scoped(find_answers(run, parts.parts), spec.scopes), classifiers)
    sides = list(combinations(range(len(answers)), 2))
    return _pairs(parts, answers, spec, find_point(axis, points(spec)), sides=sides)


def against(
    run: Folder, baseline: Folder, labels: tuple[str, str], *, spec: Scoring, axis: str = "last"
) -> Pair:
    """A classifier of a run and one of another set of answers to the same stream, as a pair.

    labels: of the classifier in `run` and of the one in `baseline`, as scored. Raises UnknownName for
    either and ConfigError for unlike scopes; whether the two answer one stream is `scoring.comparable`'s
    to say.
    """
    parts = open_run(run)
    found = []
    for folder, label in zip((run, baseline), labels, strict=True):
        answers = find_answers(folder, parts.parts)
        there = {a.folder.path.name for a in answers} | {a.label for a in answers}
        scopes = {name: ids for name, ids in spec.scopes.items() if name in there}
        known = {a.label: a for a in scoped(answers, scopes)}
        if label not in known:
            raise UnknownName(f"compare: expected a classifier, got {label!r}; {did_you_mean(label, known)}")
        found.append(known[label])
    pair = _of_one_scope([found[0], replace(found[1], label=f"{found[1].label} (baseline)")])
    return _pairs(parts, pair, spec, find_point(axis, points(spec)), sides=[(0, 1)])[0]


def _pairs(
    parts: RunParts,
    answers: Sequence[Answers],
    spec: Scoring,
    point: Point,
    *,
    sides: Sequence[tuple[int, int]],
) -> list[Pair]:
    metrics = chosen(spec.metrics)
    used = {name: m for name, m in metrics.items() if point.axis == "last" or not m.history}
    plans = make_plans(parts, answers, spec, used)
    states: dict[str, State] = {CONFUSION.name: CONFUSION} | {m.state.name: m.state for m in used.values()}
    held: dict[tuple[int, str], list[Piece]] = {(k, s): [] for k in range(len(sides)) for s in states}
    for seen in _snapshots(parts, answers, plans, point):
        for k, (i, j) in enumerate(sides):
            a, b = _common(seen[i], seen[j], spec)
            for name, state in states.items():
                kept = held[k, name]
                kept.append(piece(state, a, b))
                if len(kept) > MERGED_AT_ONCE:
                    kept[:] = [merged(state, kept)]
    found = [
        _pair(
            (answers[i].label, answers[j].label),
            {name: (state, merged(state, held[k, name])) for name, state in states.items()},
            (plans[i], plans[j]),
            point=point,
            metrics=metrics,
        )
        for k, (i, j) in enumerate(sides)
    ]
    return _adjusted(found, metrics, spec)


MERGED_AT_ONCE = 16
"""Parts that are held of a pair before they are added."""


def _named(answers: list[Answers], wanted: Sequence[str] | None) -> list[Answers]:
    if wanted is not None:
        known = {a.folder.path.name: a for a in answers} | {a.label: a for a in answers}
        for name in wanted:
            if name not in known:
                raise UnknownName(
                    f"compare: expected a classifier, got {name!r}; {did_you_mean(name, known)}"
                )
        answers = list({known[name].label: known[name] for name in wanted}.values())
    if len(answers) < 2:
        raise InputError(f"compare: expected two classifiers or more, got {len(answers)}; run another one")
    return _of_one_scope(answers)


def _of_one_scope(answers: list[Answers]) -> list[Answers]:
    if len({a.scope for a in answers}) > 1:
        labels = ", ".join(a.label for a in answers)
        raise ConfigError(f"compare: expected classifiers of one scope, got {labels}; name some of one scope")
    return answers


def _snapshots(
    parts: RunParts, answers: Sequence[Answers], plans: Sequence[Plan], point: Point
) -> Iterator[list[Snapshot]]:
    """Snapshots of all classifiers, part by part, of the same objects in the same order."""
    for part in parts.parts:
        alerts = parts.sent(part)
        reached = class_rows(alerts.class_id, plans[0].layout) >= 0
        found = []
        for a, plan in zip(answers, plans, strict=True):
            given = a.part(part)
            row = used_rows(alerts, given, plan.spec, where=str(a.folder.path))
            there, best = placed(alerts, given, plan.spec, row=row, points=(point,))
            # On the axis of answers a classifier may not come as far as another with an object.
            reached &= eligible(there, (point,), denominator=plan.spec.denominator)[:, 0]
            found.append((given, row, best[:, 0]))
        objects = np.flatnonzero(reached)
        yield [
            _snapshot(alerts, given, plan, objects=objects, row=row, best=best)
            for (given, row, best), plan in zip(found, plans, strict=True)
        ]


def _snapshot(
    alerts: Sent,
    given: Classifications,
    plan: Plan,
    *,
    objects: NDArray[np.int64],
    row: NDArray[np.int64],
    best: NDArray[np.int64],
) -> Snapshot:
    true = class_rows(alerts.class_id, plan.layout)[objects]
    missing = "prior" if plan.spec.missing == "exclude" else plan.spec.missing
    seen, _ = snapshot(
        given.probability,
        best[objects],
        objects=(alerts.object_id[objects], true),
        layout=plan.layout,
        spec=msgspec.structs.replace(plan.spec, missing=missing),
    )
    return with_history(seen, alerts, given, plan, row=row) if plan.history_states else seen


def _common(a: Snapshot, b: Snapshot, spec: Scoring) -> tuple[Snapshot, Snapshot]:
    if spec.missing != "exclude" and spec.denominator != "answered":
        return a, b
    both = (a.predicted >= 0) & (b.predicted >= 0)
    return a.take(both), b.take(both)


def _pair(
    labels: tuple[str, str],
    held: Mapping[str, tuple[State, Piece]],
    plans: tuple[Plan, Plan],
    *,
    point: Point,
    metrics: Mapping[str, Metric],
) -> Pair:
    spec, layouts = plans[0].spec, (plans[0].layout, plans[1].layout)
    found = {}
    for name in {m.state.name for m in metrics.values()} & set(held):
        state, kept = held[name]
        fresh = partial(stream, spec.seed, "compare", *labels, point.key, name)
        found[name] = drawn(state, kept, layouts, rng=fresh, n=spec.resamples)
    right = held[CONFUSION.name][1]
    assert isinstance(right, Joint)
    a_right = right.a == layouts[0].target[right.true]
    b_right = right.b == layouts[1].target[right.true]
    a_alone = int(right.count[a_right & ~b_right].sum())
    b_alone = int(right.count[b_right & ~a_right].sum())
    return Pair(
        *labels,
        axis=point.key,
        n=int(right.count.sum()),
        a_alone=a_alone,
        b_alone=b_alone,
        mcnemar=mcnemar(a_alone, b_alone),
        mcnemar_holm=1.0,
        differences=tuple(
            d
            for name, m in metrics.items()
            for d in differences(name, m, found.get(m.state.name), layouts[0].truth, spec.confidence)
        ),
    )


def _adjusted(pairs: Sequence[Pair], metrics: Mapping[str, Metric], spec: Scoring) -> list[Pair]:
    """The same pairs with p-values adjusted for their number, metric by metric and class by class."""
    by_mcnemar = holm([p.mcnemar for p in pairs])
    adjusted: list[list[Difference]] = [[] for _ in pairs]
    for of in zip(*(pair.differences for pair in pairs), strict=True):
        defined = [i for i, d in enumerate(of) if not np.isnan(d.p)]
        corrected = dict(zip(defined, holm([of[i].p for i in defined]), strict=True))
        for i, d in enumerate(of):
            p = corrected.get(i, np.nan)
            first = (d.difference > 0) == (metrics[d.metric].direction == "higher")
            winner = (pairs[i].a if first else pairs[i].b) if p < 1 - spec.confidence else ""
            adjusted[i].append(replace(d, holm=p, better=winner))
    return [
        replace(pair, mcnemar_holm=p, differences=tuple(d))
        for pair, p, d in zip(pairs, by_mcnemar, adjusted, strict=True)
    ]


def differences(
    name: str, metric: Metric, of: Drawn | None, truth: Sequence[int], confidence: float
) -> list[Difference]:
    """Differences of one metric, one a class for a metric of single classes; of: None where not counted."""
    ids = list(truth) if metric.per_class else [-1]
    if of is None:
        why = "of whole histories: compared at the last point alone"
        return [Difference(name, c, missing=why) for c in ids]
    a, b = (np.atleast_1d(metric.value(s)).astype(float) for s in of.seen)
    middle = [np.atleast_1d(metric.value(s)).reshape(len(ids)) for s in of.around]
    samples = np.subtract(*(metric.value(s).reshape(-1, len(ids)) for s in of.resamples))
    samples = samples + ((a - b) - (middle[0] - middle[1]))
    return [
        _tested(
            Difference(name, c, float(a[k]), float(b[k]), float(a[k] - b[k])),
            samples[:, k],
            metric=metric,
            confidence=confidence,
        )
        for k, c in enumerate(ids)
    ]


def _tested(d: Difference, samples: NDArray[np.float64], *, metric: Metric, confidence: float) -> Difference:
    samples = samples[~np.isnan(samples)]
    tail = (1 - confidence) / 2
    if np.isnan(d.difference) or not len(samples):
        return replace(d, missing=metric.undefined)
    low, high = np.quantile(samples, [tail, 1 - tail])
    # The sample itself is one of the resamples, so that p is never 0 (Davison & Hinkley 1997, 4.12).
    beyond = min((samples <= 0).sum(), (samples >= 0).sum())
    p = min(1.0, 2 * (1 + int(beyond)) / (len(samples) + 1))
    return replace(d, low=float(low), high=float(high), p=p, holm=p)
