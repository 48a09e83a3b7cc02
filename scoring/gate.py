"""Rules that a classifier's scores must keep, for continuous integration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from brokerbench.config import Config, decode
from brokerbench.errors import ConfigError, UnknownName, did_you_mean
from brokerbench.store import Folder, file_sha256
from brokerbench.tables import Scores
from scoring.axes import find_point
from scoring.comparable import check_comparable
from scoring.compare import against
from scoring.leaderboard import load_scores, scored_points
from scoring.spec import Scoring

__all__ = ["Gate", "Rule", "Verdict", "gate", "junit", "markdown"]


class Rule(Config, frozen=True):
    """One requirement of one metric.

    at: a point as last, detection:3 or days:8. classifier: its label; empty for every one. class_id:
    for metrics of single classes. min, max: bounds on the value; with `sure` on the end of its
    interval instead. max_drop: how much worse than the baseline the value may be. margin: passes if
    it is not worse than the baseline by more, at the confidence of the intervals (non-inferiority).
    """

    metric: str
    at: str = "last"
    classifier: str = ""
    class_id: int = -1
    min: float | None = None
    max: float | None = None
    sure: bool = False
    max_drop: float | None = None
    margin: float | None = None


class Gate(Config, frozen=True):
    """A file of rules."""

    rules: list[Rule]


@dataclass(frozen=True)
class Verdict:
    """One rule for one classifier: whether it holds, and the numbers that decided."""

    rule: Rule
    classifier: str
    passed: bool
    value: float
    text: str


@dataclass(frozen=True)
class _Scored:
    """A folder of scores and what it holds."""

    folder: Folder
    table: Scores
    about: dict[str, Any]

    @property
    def run(self) -> Folder:
        return Folder(self.folder.path.parent)

    def label(self, wanted: str) -> str:
        """The classifier of that label, or the only one."""
        known = [c["label"] for c in self.about["classifiers"]]
        if wanted not in known and len(known) != 1:
            raise UnknownName(f"gate: expected {wanted!r} in the baseline, got {', '.join(known)}")
        return wanted if wanted in known else known[0]

    def scope(self, label: str) -> list[int]:
        """The classes that a classifier claims to tell apart, empty for all."""
        return next(list(c.get("scope") or []) for c in self.about["classifiers"] if c["label"] == label)

    def holds_answers(self, label: str) -> bool:
        """Whether the answers that were scored still lie beside the scores."""
        (folder,) = (c for c in self.about["classifiers"] if c["label"] == label)
        file = self.run.path / "answers" / folder["folder"] / "manifest.json"
        return file.is_file() and file_sha256(file) == folder["manifest_sha256"]


def gate(scores: Folder, rules: Gate, *, baseline: Folder | None = None) -> list[Verdict]:
    """A verdict for every rule and classifier, in the order of the rules.

    baseline: scores of the same run, policies and metric versions (ConfigError otherwise), needed by
    max_drop and margin; a classifier is compared with the one of its label or, where the baseline
    has a single one, with that. An undefined value never passes. `margin` rests on the difference on
    the same objects where the answers that were scored still lie beside both scores (RUN/answers);
    otherwise the two values are taken as independent, which is stricter.
    """
    ours = _Scored(scores, *load_scores(scores))
    base = None if baseline is None else _Scored(baseline, *load_scores(baseline))
    if base is not None:
        check_comparable(ours.about, base.about)
    if not rules.rules:
        raise ConfigError("gate: expected rules, got none")
    verdicts = []
    for k, rule in enumerate(rules.rules):
        _check_rule(rule, k, ours.about, base is not None)
        labels = [c["label"] for c in ours.about["classifiers"]]
        for label in [rule.classifier] if rule.classifier else labels:
            verdicts.append(_verdict(rule, label, ours, base))
    return verdicts


def _check_rule(rule: Rule, k: int, about: dict[str, Any], with_baseline: bool) -> None:
    where = f"gate: rules[{k}]"
    if rule.metric not in about["metrics"]:
        hint = did_you_mean(rule.metric, about["metrics"])
        raise UnknownName(f"{where}.metric: expected a metric that was scored, got {rule.metric!r}; {hint}")
    labels = [c["label"] for c in about["classifiers"]]
    if rule.classifier and rule.classifier not in labels:
        hint = did_you_mean(rule.classifier, labels)
        raise UnknownName(f"{where}.classifier: expected a classifier, got {rule.classifier!r}; {hint}")
    per_class = about["metrics"][rule.metric]["per_class"]
    if per_class != (rule.class_id >= 0):
        raise ConfigError(
            f"{where}.class_id: expected {'a class' if per_class else 'none'} for {rule.metric}, "
            f"got {rule.class_id}"
        )
    if all(v is None for v in (rule.min, rule.max, rule.max_drop, rule.margin)):
        raise ConfigError(f"{where}: expected min, max, max_drop or margin, got none")
    if (rule.max_drop is not None or rule.margin is not None) and not with_baseline:
        raise ConfigError(f"{where}: expected a baseline for max_drop or margin, got none; name one")


def _row(of: _Scored, rule: Rule, label: str) -> tuple[float, float, float, str]:
    table, point = of.table, find_point(rule.at, scored_points(of.about))
    at = np.isnan(table.at) if math.isnan(point.at) else table.at == point.at
    rows = (table.metric == rule.metric) & (table.classifier == label) & (table.axis == point.axis) & at
    rows &= (table.class_id == rule.class_id) & (table.slice == "all")
    if not rows.any():
        raise UnknownName(f"gate: expected a score of {rule.metric} for {label}, got none")
    i = int(np.argmax(rows))
    return float(table.value[i]), float(table.low[i]), float(table.high[i]), str(table.missing[i])


def _verdict(rule: Rule, label: str, ours: _Scored, base: _Scored | None) -> Verdict:
    value, low, high, missing = _row(ours, rule, label)
    if math.isnan(value):
        return Verdict(rule, label, False, value, f"undefined: {missing}")
    failed, said = [], [f"{value:.4f}"]
    lower, upper = (low, high) if rule.sure else (value, value)
    if rule.min is not None and not lower >= rule.min:
        failed.append(f"{lower:.4f} < {rule.min:g}")
    if rule.max is not None and not upper <= rule.max:
        failed.append(f"{upper:.4f} > {rule.max:g}")
    if base is not None and (rule.max_drop is not None or rule.margin is not None):
        other = base.label(label)
        scopes = ours.scope(label), base.scope(other)
        if scopes[0] != scopes[1]:
            raise ConfigError(
                f"gate: expected {label} and {other} to have one scope, got {scopes[0] or 'all classes'} and "
                f"{scopes[1] or 'all classes'}; their scores are of unlike questions"
            )
        was = _row(base, rule, other)[0]
        change = _better(rule, ours) * (value - was)
        said.append(f"baseline {was:.4f}, change {change:+.4f}")
        if rule.max_drop is not None and not change >= -rule.max_drop:
            failed.append(f"worse by {-change:.4f} > {rule.max_drop:g}")
        if rule.margin is not None:
            worst, how = _worst(rule, (label, other), ours, base)
            said.append(f"at worst {worst:+.4f} ({how})")
            if not worst > -rule.margin:
                failed.append(f"could be worse by {-worst:.4f} >= {rule.margin:g}")
    return Verdict(rule, label, not failed, value, "; ".join([*said, *failed]))


def _better(rule: Rule, ours: _Scored) -> int:
    return 1 if ours.about["metrics"][rule.metric]["direction"] == "higher" else -1


def _worst(rule: Rule, labels: tuple[str, str], ours: _Scored, base: _Scored) -> tuple[float, str]:
    """The end of the interval of the change, better counted as more, and what it rests on."""
    better = _better(rule, ours)
    if ours.holds_answers(labels[0]) and base.holds_answers(labels[1]):
        spec = decode({**ours.about["spec"], "metrics": [rule.metric]}, Scoring, where="scores.json: spec")
        pair = against(ours.run, base.run, labels, spec=spec, axis=rule.at)
        (d,) = (d for d in pair.differences if d.class_id == rule.class_id)
        return (d.low if better > 0 else -d.high), f"paired, {pair.n} objects"
    value, low, high, _ = _row(ours, rule, labels[0])
    was, was_low, was_high, _ = _row(base, rule, labels[1])
    # Half-widths on the sides that matter: the new value lower, the old one higher than it looks.
    mine, theirs = (value - low, was_high - was) if better > 0 else (high - value, was - was_low)
    return better * (value - was) - math.hypot(mine, theirs), "as if independent: the answers are not there"


def _name(verdict: Verdict) -> str:
    rule = verdict.rule
    of = f" of {rule.class_id}" if rule.class_id >= 0 else ""
    return f"{rule.metric}{of} at {rule.at}: {verdict.classifier}"


def junit(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as JUnit XML."""
    failures = sum(not v.passed for v in verdicts)
    out = [f'<testsuite name="brokerbench gate" tests="{len(verdicts)}" failures="{failures}" errors="0">']
    for v in verdicts:
        inner = "" if v.passed else f"<failure message={quoteattr(v.text)}>{escape(v.text)}</failure>"
        out.append(
            f"  <testcase classname={quoteattr(v.classifier)} name={quoteattr(_name(v))}>{inner}</testcase>"
        )
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *out, "</testsuite>"]) + "\n"


def markdown(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as a Markdown table, for a job's summary."""
    lines = ["| | rule | |", "|---|---|---|"]
    for v in verdicts:
        cells = (_name(v), v.text)
        name, text = (c.replace("|", "\\|").replace("<", "&lt;") for c in cells)
        lines.append(f"| {'pass' if v.passed else '**FAIL**'} | {name} | {text} |")
    return "\n".join(lines) + "\n"
