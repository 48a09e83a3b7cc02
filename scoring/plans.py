"""Which classes, states and policies are counted for each classifier of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from brokerbench.errors import InputError, UnknownName, did_you_mean
from brokerbench.taxonomy import ELASTICC2
from scoring.axes import find_point, points
from scoring.metric import Metric
from scoring.scope import layout_of
from scoring.slices import chosen_slices
from scoring.sources import Answers, RunParts
from scoring.spec import Scoring
from scoring.states import CONFUSION, State
from scoring.tally import Plan

__all__ = ["make_plans"]


def make_plans(
    parts: RunParts, answers: Sequence[Answers], spec: Scoring, metrics: Mapping[str, Metric]
) -> list[Plan]:
    """A plan for each classifier, all of the same objects, true classes and frequencies.

    Raises InputError where nothing was detected or no class of the list is there, UnknownName for
    an id beyond the taxonomy.
    """
    counts = parts.class_counts()
    if not counts:
        raise InputError(f"{parts.ledger.path}: expected alerts, got none; was anything detected?")
    for class_id in spec.classes or ():
        if not ELASTICC2.is_known(class_id):
            raise UnknownName(
                f"scoring.classes: expected class ids of ELAsTiCC2, got {class_id}; "
                f"{did_you_mean(class_id, ELASTICC2.ids)}"
            )
    truth = sorted(counts if spec.classes is None else spec.classes)
    objects = np.array([counts[c] for c in truth], float)
    if not objects.sum():
        raise InputError(
            f"scoring.classes: expected classes that the run has, got {truth}; it has {sorted(counts)}"
        )
    prior = objects / objects.sum()
    states: dict[str, State] = {CONFUSION.name: CONFUSION}
    states |= {m.state.name: m.state for m in metrics.values() if not m.history}
    history: dict[str, State] = {m.state.name: m.state for m in metrics.values() if m.history}
    at, sliced = points(spec), _sliced(spec)
    of_slices = {CONFUSION.name: CONFUSION} | {m.state.name: m.state for m in _slice_metrics(spec, metrics)}
    return [
        Plan(
            spec,
            at,
            tuple(states.values()),
            replace(layout_of(a.classes, truth, prior, a.scope), ties=spec.ties),
            slices=sliced,
            slice_points=tuple(at.index(find_point(key, at)) for key in spec.slice_points),
            slice_states=tuple(of_slices.values()),
            history_states=tuple(history.values()),
        )
        for a in answers
    ]


def _slice_metrics(spec: Scoring, metrics: Mapping[str, Metric]) -> list[Metric]:
    return [metrics[n] for n in spec.slice_metrics if n in metrics and not metrics[n].history]


def _sliced(spec: Scoring) -> tuple[tuple[str, int, str], ...]:
    """Slice, group and label of every subset."""
    return tuple(
        (name, group, f"{one.title}: {label}")
        for name, one in chosen_slices(spec.slices).items()
        for group, label in enumerate(one.all_labels)
    )
