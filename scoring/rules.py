"""Rules that a message must keep, checked many messages at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import ConfigError, UnknownName
from brokerbench.taxonomy import ELASTICC2, NOT_CLASSIFIED, PLASTICC, RESIDUAL
from scoring.snapshot import SUM_TOLERANCE
from scoring.submission import Batch, Policy

__all__ = ["EXAMPLES", "FAULTS", "RULES", "Findings", "check", "scopes_of", "to_elasticc2"]

RULES = {
    "schema": "the message can be read",
    "classified": "it names at least one class",
    "known_class": "every class id is one of the taxonomy",
    "class_once": "no class is named twice",
    "finite": "every probability is a finite number",
    "range": "every probability is in 0 .. 1",
    "known_alert": "its id leads to an alert that was sent",
    "duplicate": "it is the only answer of its classifier to the alert",
}
"""Rules whose breach keeps a message out, in the order in which they are checked."""

FAULTS = {
    "sum": "probabilities sum to 1 within 0.001 (the scoring policy `normalise` decides)",
    "conflicting": "answers to one alert agree",
    "time": "the answer was not published before its alert was sent",
    "source_id": "diaSourceId is the alert's source",
}
"""Faults that are counted and keep no message out."""

EXAMPLES = 20
OVER = 1e-6
"""How far above 1 a probability may be: one float32 step."""


@dataclass
class Findings:
    """Counts of broken rules and faults, with the first messages that broke each."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*RULES, *FAULTS), 0))
    examples: dict[str, list[tuple[str, int, str]]] = field(default_factory=dict)

    def add(self, rule: str, file: str, positions: NDArray[np.int64], detail: list[str] | str) -> None:
        """Count messages that broke a rule. detail: what was found, one a message or one for all."""
        self.counts[rule] += len(positions)
        room = EXAMPLES - len(self.examples.setdefault(rule, []))
        for i, position in enumerate(positions[:room].tolist()):
            self.examples[rule].append((file, position, detail if isinstance(detail, str) else detail[i]))


def to_elasticc2(class_id: NDArray[np.int64], taxonomy: str) -> NDArray[np.int64]:
    """ELAsTiCC2 classes of a submission's own ids, i8[n], -1 for an unknown one."""
    if taxonomy == "elasticc1":
        return ELASTICC2.from_v1(class_id).astype(np.int64)
    if taxonomy == "plasticc":
        # 99 is "none of these" (section 1.7): what Residual says.
        mapped = PLASTICC.to_elasticc2(class_id).astype(np.int64)
        return np.where((class_id == 99) & (mapped < 0), 200, mapped)
    return np.where(ELASTICC2.is_known(class_id), class_id, -1).astype(np.int64)


def scopes_of(policy: Policy) -> dict[str, list[int]]:
    """ELAsTiCC2 classes of the scopes that a policy declares, by classifier, "" for any other.

    Raises UnknownName for a class that is none of the policy's taxonomy, ConfigError for the rest
    itself (Residual, NotClassified).
    """
    found = {}
    for name, scope in {"": policy.scope, **policy.scopes}.items():
        where = f"policy.scopes.{name}" if name else "policy.scope"
        mapped = to_elasticc2(np.array(scope, np.int64), policy.taxonomy)
        for class_id in np.array(scope)[mapped < 0].tolist():
            raise UnknownName(f"{where}: expected class ids of {policy.taxonomy}, got {class_id}")
        found[name] = sorted(set(mapped.tolist()))
        if {RESIDUAL, NOT_CLASSIFIED} & set(found[name]):
            raise ConfigError(
                f"{where}: expected class ids without {RESIDUAL} and {NOT_CLASSIFIED}, which are the rest, "
                f"got {scope}"
            )
    return {name: scope for name, scope in found.items() if scope or name}


def check(
    batch: Batch, policy: Policy, findings: Findings
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.float32]]:
    """Whether each message is sound, bool[m], with its class ids i8[p] and probabilities f4[p] mapped.

    Each unsound message is counted once, under the first rule that it breaks.
    """
    class_id = to_elasticc2(batch.class_id, policy.taxonomy)
    probability = batch.probability / np.float32(100) if policy.percent else batch.probability
    m = len(batch)
    of = np.repeat(np.arange(m), np.diff(batch.offsets))
    broken = {
        "classified": np.diff(batch.offsets) == 0,
        "known_class": _any(of, class_id < 0, m),
        "class_once": _twice(of, class_id, m),
        "finite": _any(of, ~np.isfinite(probability), m),
        "range": _any(of, (probability < 0) | (probability > 1 + OVER), m),
    }
    sound = np.ones(m, bool)
    for rule, bad in broken.items():
        rows = np.flatnonzero(sound & bad)
        if len(rows):
            findings.add(rule, batch.file, batch.position[rows], _details(batch, rows))
            sound[rows] = False
    for position, reason in batch.malformed:
        findings.add("schema", batch.file, np.array([position]), reason)
    total = np.bincount(of, weights=np.nan_to_num(probability).astype(float), minlength=m)
    off = np.flatnonzero(sound & (np.abs(total - 1) > SUM_TOLERANCE))
    if len(off):
        few = off[:EXAMPLES].tolist()
        detail = [f"sum {total[i]:.4g}" for i in few] + [""] * (len(off) - len(few))
        findings.add("sum", batch.file, batch.position[off], detail)
    return sound, class_id, probability


def _any(of: NDArray[np.int64], bad: NDArray[np.bool_], m: int) -> NDArray[np.bool_]:
    return np.bincount(of[bad], minlength=m) > 0


def _twice(of: NDArray[np.int64], class_id: NDArray[np.int64], m: int) -> NDArray[np.bool_]:
    # Class ids are below 2**31, so that message and class fit one key.
    key = np.sort(of * (1 << 32) + (class_id & 0xFFFFFFFF))
    again = key[1:][key[1:] == key[:-1]] >> 32
    return np.bincount(again, minlength=m) > 0


def _details(batch: Batch, rows: NDArray[np.int64]) -> list[str]:
    out = []
    for i in rows[:EXAMPLES].tolist():
        span = slice(int(batch.offsets[i]), int(batch.offsets[i + 1]))
        pairs = zip(batch.class_id[span][:4].tolist(), batch.probability[span][:4].tolist(), strict=True)
        out.append("got " + (", ".join(f"{c}: {p:.4g}" for c, p in pairs) or "no classification"))
    return out + [""] * (len(rows) - len(out))
