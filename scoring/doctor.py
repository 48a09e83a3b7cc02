"""The usual accidents of submissions, recognised by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.ids import BITS, ROW_BITS, unpermute
from brokerbench.store import Folder
from brokerbench.taxonomy import ELASTICC2, NOT_CLASSIFIED, RESIDUAL
from scoring.convert import find_reader
from scoring.ingest import files_of
from scoring.registries import READERS
from scoring.rules import to_elasticc2
from scoring.sources import open_run
from scoring.submission import NO_ID, Batch, Policy

__all__ = ["Ailment", "doctor"]

LOOKED_AT = 200_000
"""Messages that are looked at."""

YEAR_2000, YEAR_2100 = 946_684_800e6, 4_102_444_800e6


@dataclass(frozen=True)
class Ailment:
    """An accident by name: what shows it, and what helps (a policy, where one does)."""

    name: str
    evidence: str
    remedy: str


@dataclass(frozen=True)
class _Seen:
    """The messages looked at, end to end."""

    alert_id: NDArray[np.int64]
    source_id: NDArray[np.int64]
    object_id: NDArray[np.int64]
    published: NDArray[np.float64]
    claimed: NDArray[np.float64]
    ingested: NDArray[np.float64]
    counts: NDArray[np.int64]
    class_id: NDArray[np.int64]
    probability: NDArray[np.float32]
    leads: Callable[[NDArray[np.int64], str], float]  # share of ids that lead to a part


def doctor(path: Path, run: Folder, *, policy: Policy, reader: str = "") -> list[Ailment]:
    """What ails a submission, by the first 200,000 messages; an empty list where nothing does."""
    name = find_reader(path, reader, policy)
    batches: list[Batch] = []
    held = 0
    for file in files_of(path, READERS[name].suffixes):
        for batch in READERS[name].read(file, policy):
            batches.append(batch)
            held += len(batch)
            if held >= LOOKED_AT:
                break
        if held >= LOOKED_AT:
            break
    if not held:
        return [Ailment("no message", f"reader {name} found none that it can read", "name another reader")]
    seen = _seen(batches, run, policy)
    found = [look(seen, policy) for look in _LOOKS]
    return [a for a in found if a is not None]


def _seen(batches: Sequence[Batch], run: Folder, policy: Policy) -> _Seen:
    parts = open_run(run)
    numbers = np.array(sorted((int(p[:2]) << 20) + int(p[3:]) for p in parts.parts), np.int64)
    seed = int(run.manifest.get("seed", 0))

    def leads(ids: NDArray[np.int64], purpose: str) -> float:
        possible = (ids >= 0) & (ids < 1 << BITS)
        if not len(ids):
            return 0.0
        number = unpermute(seed, purpose, np.where(possible, ids, 0)) >> ROW_BITS
        return float((possible & np.isin(number, numbers)).mean())

    def all_of(name: str) -> NDArray:
        return np.concatenate([getattr(b, name) for b in batches])

    counts = np.concatenate([np.diff(b.offsets) for b in batches])
    scale = np.float32(100 if policy.percent else 1)
    probability = (all_of("probability") / scale).astype(np.float32)
    ids = {n: all_of(n) for n in ("alert_id", "source_id", "object_id")}
    times = {n: all_of(n) for n in ("published", "claimed", "ingested")}
    named = all_of("class_id")
    return _Seen(**ids, **times, counts=counts, class_id=named, probability=probability, leads=leads)


def _known(seen: _Seen, taxonomy: str) -> float:
    if not len(seen.class_id):
        return 0.0
    return float((to_elasticc2(seen.class_id, taxonomy) >= 0).mean())


def _other_taxonomy(seen: _Seen, policy: Policy) -> Ailment | None:
    here = _known(seen, policy.taxonomy)
    names = {
        "elasticc1": "ELAsTiCC-1 class ids",
        "plasticc": "PLAsTiCC class ids",
        "elasticc2": "ELAsTiCC2 ids",
    }
    best = max((t for t in names if t != policy.taxonomy), key=lambda t: _known(seen, t))
    if here > 0.9 or _known(seen, best) <= max(here, 0.9):
        return None
    some = ", ".join(str(c) for c in np.unique(seen.class_id)[:6].tolist())
    shares = f"{here:.0%} known in {policy.taxonomy}, {_known(seen, best):.0%} in {best}"
    return Ailment(names[best], f"class ids {some}: {shares}", f'taxonomy = "{best}"')


def _mixed_taxonomy(seen: _Seen, policy: Policy) -> Ailment | None:
    unknown = seen.class_id[to_elasticc2(seen.class_id, policy.taxonomy) < 0]
    if not len(unknown) or _other_taxonomy(seen, policy):
        return None
    values, counts = np.unique(unknown, return_counts=True)
    some = ", ".join(f"{v} ({n})" for v, n in zip(values[:5].tolist(), counts[:5].tolist(), strict=True))
    return Ailment("unknown class ids", f"{len(unknown)} of {len(seen.class_id)}: {some}", "correct the ids")


def _swapped_ids(seen: _Seen, _: Policy) -> Ailment | None:
    given = {"alert id": seen.alert_id, "source id": seen.source_id, "object id": seen.object_id}
    for name, ids in given.items():
        if (ids == NO_ID).all():
            continue
        own, other = ("object", "alert") if name == "object id" else ("alert", "object")
        if seen.leads(ids, own) < 0.5 < seen.leads(ids, other):
            what = "the object's id" if other == "object" else "an alert's id"
            hint = 'join = "alert"' if name == "source id" else f'join = "{other}"'
            shares = (
                f"{seen.leads(ids, other):.0%} of the {name}s are, {seen.leads(ids, own):.0%} are as meant"
            )
            return Ailment(f"{what} in the {name}", shares, hint)
    return None


def _foreign_ids(seen: _Seen, policy: Policy) -> Ailment | None:
    given = {"alert": seen.alert_id, "source": seen.source_id, "object": seen.object_id}
    known = {k: v for k, v in given.items() if (v != NO_ID).any()}
    if not known:
        return Ailment("no ids", "no message carries the id of an alert, source or object", "send alertId")
    shares = {k: max(seen.leads(v, "alert"), seen.leads(v, "object")) for k, v in known.items()}
    used = next(iter(known)) if policy.join == "auto" else policy.join
    if shares.get(used, 0.0) > 0.5:
        return None
    best = max(shares, key=lambda k: shares[k])
    return Ailment(
        "ids of another run",
        ", ".join(f"{share:.0%} of {k} ids lead into this run" for k, share in shares.items()),
        f'join = "{best}"' if shares[best] > 0.5 else "score it against the run that was streamed",
    )


REST = (RESIDUAL, NOT_CLASSIFIED)


def _percent(seen: _Seen, policy: Policy) -> Ailment | None:
    p = seen.probability[np.isfinite(seen.probability)]
    if policy.percent or not len(p) or not 1.5 < p.max() <= 100.5:
        return None
    return Ailment("percent", f"probabilities up to {p.max():.4g}", "percent = true")


def _sums(seen: _Seen) -> NDArray[np.float64]:
    of = np.repeat(np.arange(len(seen.counts)), seen.counts)
    weights = np.nan_to_num(seen.probability).astype(float)
    return np.bincount(of, weights=weights, minlength=len(seen.counts)).astype(np.float64)


def _one_class(seen: _Seen, policy: Policy) -> Ailment | None:
    given = np.unique(seen.class_id)
    mapped = to_elasticc2(given, policy.taxonomy)
    classes, rest = given[~np.isin(mapped, REST)], given[np.isin(mapped, REST)]
    below = (np.abs(_sums(seen) - 1) >= 1e-3).any()
    if len(classes) != 1 or policy.scope or policy.scopes or not (below or len(rest)):
        return None
    name = ELASTICC2.name_of(int(classes[0])) if ELASTICC2.is_known(classes[0]) else "?"
    tail = ", with sums below 1" if below else ""
    remedy = f"declare scope = [{classes[0]}] in the policy, to be scored on it against the rest"
    if below:
        remedy += '; send the rest to class 200 Residual, or score with normalise = "residual" (the default)'
    others = f" and the rest ({', '.join(map(str, rest.tolist()))})" if len(rest) else " alone"
    return Ailment(
        "one-class classifier", f"every message names class {classes[0]} ({name}){others}{tail}", remedy
    )


def _arg_max(seen: _Seen, _: Policy) -> Ailment | None:
    top = np.zeros(len(seen.counts))
    of = np.repeat(np.arange(len(seen.counts)), seen.counts)
    np.maximum.at(top, of, np.nan_to_num(seen.probability).astype(float))
    alone = (seen.counts == 1).mean()
    certain = (top > 0.999).mean()
    if max(alone, certain) < 0.95 or len(np.unique(seen.class_id)) < 2:
        return None
    return Ailment(
        "arg-max only",
        f"{alone:.0%} of messages name one class, {certain:.0%} are certain of it",
        "send the whole vector: log losses and calibration punish certainty",
    )


def _unnormalised(seen: _Seen, policy: Policy) -> Ailment | None:
    if _percent(seen, policy) or _one_class(seen, policy):
        return None
    total = _sums(seen)
    off = (np.abs(total - 1) > 1e-3).mean()
    if off < 0.01:
        return None
    zero = (total == 0).mean()
    return Ailment(
        "sums that are not 1",
        f"{off:.0%} of messages, sums from {total.min():.3g} to {total.max():.3g}, {zero:.0%} all zero",
        'the scoring policy normalise decides: "residual", "rescale" or "reject"',
    )


def _not_numbers(seen: _Seen, _: Policy) -> Ailment | None:
    bad = ~np.isfinite(seen.probability)
    if not bad.any():
        return None
    return Ailment(
        "NaN probabilities", f"{bad.sum()} of {len(bad)}", "send 300 NotClassified with probability 1"
    )


def _time_unit(values: NDArray[np.float64]) -> str:
    """What a time that should be epoch us looks like: "" where it is plausible or unknown."""
    known = values[np.isfinite(values)]
    if not len(known):
        return ""
    middle = float(np.median(known))
    if YEAR_2000 <= middle <= YEAR_2100:
        return ""
    for factor, name in (
        (1e3, "a thousand times too small (seconds for ms, or ms for us)"),
        (1e6, "a million times too small (seconds for us)"),
        (1e-3, "a thousand times too large (us for ms)"),
        (1e-6, "a million times too large"),
    ):
        if YEAR_2000 <= middle * factor <= YEAR_2100:
            return name
    if any(40_000 <= middle / scale <= 90_000 for scale in (1.0, 1e3, 1e6)):
        return "an MJD"
    if any(2_440_000 <= middle / scale <= 2_490_000 for scale in (1.0, 1e3, 1e6)):
        return "a Julian date"
    return "no time of this century"


def _times(seen: _Seen, _: Policy) -> Ailment | None:
    for name in ("published", "claimed", "ingested"):
        looks = _time_unit(getattr(seen, name))
        if looks:
            middle = float(np.nanmedian(getattr(seen, name)))
            remedy = (
                "correct the unit"
                if name != "published"
                else "correct the unit, or set time_unit for a table"
            )
            return Ailment(
                f"times that are {looks}", f"median {name} time, read as epoch us: {middle:.6g}",
                f"{remedy}; no payload time decides a score",
            )  # fmt: skip
    return None


_LOOKS: tuple[Callable[[_Seen, Policy], Ailment | None], ...] = (
    _other_taxonomy,
    _mixed_taxonomy,
    _swapped_ids,
    _foreign_ids,
    _percent,
    _one_class,
    _arg_max,
    _unnormalised,
    _not_numbers,
    _times,
)
