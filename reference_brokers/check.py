"""Whether a broker keeps its side of the agreement, and what it looks at that it should not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.tables import AlertBatch
from brokerbench.taxonomy import ELASTICC2

__all__ = ["Finding", "check_broker"]

SUM_TOLERANCE = 1e-3
SAME = 1e-6
SHIFT = 1024.0  # days; keeps the exponent of an MJD, so that differences stay exact


@dataclass(frozen=True)
class Finding:
    """One rule and whether the broker keeps it; one that breaks a `required` rule cannot be used."""

    rule: str
    kept: bool
    required: bool
    detail: str = ""


def check_broker(broker: Any, batch: AlertBatch) -> list[Finding]:
    """Findings on a broker from its answers to a batch of ten alerts or more.

    Required: a name, known classes, a row of probabilities an alert, the same in any batch and each time.
    Advice: that ids, dates and positions do not change an answer; a classifier that reads them learns the
    simulation.
    """
    findings = [*_declaration(broker)]
    if not all(f.kept for f in findings):
        return findings
    try:
        answer = np.asarray(broker.classify(batch))
    except Exception as error:
        return [*findings, Finding("answers a batch", False, True, f"{type(error).__name__}: {error}")]
    findings += _probabilities(answer, len(batch), len(broker.classes))
    if not all(f.kept for f in findings):
        return findings
    return findings + [
        _same(broker.classify, other, answer[rows], (rule, required))
        for rule, other, rows, required in _variations(batch)
    ]


def _variations(batch: AlertBatch) -> list[tuple[str, AlertBatch, NDArray[np.int64], bool]]:
    """Rule, a batch that must (or should) be answered as `batch` was, its rows of it, whether it must."""
    every = np.arange(len(batch))
    order = np.random.default_rng(0).permutation(len(batch))
    half, one, none = every[: len(batch) // 2], every[-1:], every[:0]
    renamed = dataclasses.replace(batch, alert_id=every, source_id=every + 1, object_id=every + 2)
    later = dataclasses.replace(batch, mjd=batch.mjd + SHIFT, published=batch.published + 1)
    return [
        ("answers the same again", batch, every, True),
        ("does not depend on the order of the batch", batch.take(order), order, True),
        ("does not depend on the size of the batch", batch.take(half), half, True),
        ("takes a single alert", batch.take(one), one, True),
        ("takes an empty batch", batch.take(none), none, True),
        ("does not look at ids", renamed, every, False),
        ("does not look at dates", later, every, False),
        ("does not look at positions", _moved(batch), every, False),
    ]


def _declaration(broker: Any) -> list[Finding]:
    name, classes = getattr(broker, "name", None), getattr(broker, "classes", ())
    whole = isinstance(name, str) and bool(name) and isinstance(getattr(broker, "version", None), str)
    known = len(classes) > 0 and bool(ELASTICC2.is_known(list(classes)).all())
    return [
        Finding("has a name and a version", whole, True, f"name {name!r}"),
        Finding("has classify", callable(getattr(broker, "classify", None)), True),
        Finding(
            "names ELAsTiCC2 classes, each once",
            known and len(set(classes)) == len(classes),
            True,
            f"{classes}",
        ),
    ]


def _probabilities(answer: NDArray[Any], n: int, n_classes: int) -> list[Finding]:
    shape = answer.shape == (n, n_classes)
    finite = shape and answer.dtype.kind == "f" and bool(np.isfinite(answer).all())
    inside = finite and bool(((answer >= 0) & (answer <= 1 + SUM_TOLERANCE)).all())
    sums = answer.sum(axis=1) if inside else np.full(1, np.nan)
    whole = inside and bool((np.abs(sums - 1) < SUM_TOLERANCE).all())
    return [
        Finding(
            "answers a row an alert, a column a class",
            shape,
            True,
            f"shape {answer.shape}, expected {(n, n_classes)}",
        ),
        Finding("answers finite numbers", finite, True, f"dtype {answer.dtype}"),
        Finding("answers probabilities between 0 and 1", inside, True),
        Finding("answers rows that sum to 1", whole, True, f"sums {sums.min():.4g} .. {sums.max():.4g}"),
    ]


def _moved(batch: AlertBatch) -> AlertBatch:
    def galaxies(host: Any) -> Any:
        return dataclasses.replace(host, ra=host.ra + 77.0, dec=-host.dec)

    return dataclasses.replace(
        batch, ra=batch.ra + 77.0, dec=-batch.dec, host=galaxies(batch.host), host2=galaxies(batch.host2)
    )


def _same(
    classify: Callable[[AlertBatch], Any], batch: AlertBatch, expected: NDArray[Any], rule: tuple[str, bool]
) -> Finding:
    try:
        got = np.asarray(classify(batch))
    except Exception as error:
        return Finding(rule[0], False, rule[1], f"{type(error).__name__}: {error}")
    if got.shape != expected.shape:
        return Finding(rule[0], False, rule[1], f"shape {got.shape}, expected {expected.shape}")
    apart = float(np.abs(got - expected).max()) if got.size else 0.0
    return Finding(
        rule[0], apart <= SAME, rule[1], f"probabilities differ by {apart:.3g}" if apart > SAME else ""
    )
