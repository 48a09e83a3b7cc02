"""Messages as mappings: JSON lines, REST bodies, Avro records of other schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scoring.submission import NO_ID, Batch, Sender, batch_of

__all__ = ["batch_of_records"]


class _Bad(Exception):
    """A record that is no message; the text says what was expected."""


def batch_of_records(
    records: Sequence[Any],
    file: str,
    first: int,
    *,
    per_millisecond: bool,
    broken: Sequence[tuple[int, str]] = (),
) -> Batch:
    """The batch of records with brokerClassification keys, of any published layout.

    An item may name its own classifier (v4_1, v0_9): such a record becomes one message a classifier.
    A record that cannot be read is malformed, and says why.
    """
    rows: list[tuple[int, Mapping[str, Any], Sender, list[tuple[int, float]]]] = []
    malformed = list(broken)
    skip = {p for p, _ in broken}
    for i, record in enumerate(records):
        if first + i in skip:
            continue
        try:
            rows += [(first + i, record, s, pairs) for s, pairs in _answers(record)]
        except _Bad as bad:
            malformed.append((first + i, str(bad)))
    senders = list(dict.fromkeys(s for _, _, s, _ in rows))
    index = {s: k for k, s in enumerate(senders)}
    scale = 1e3 if per_millisecond else 1.0
    return batch_of(
        file,
        np.array([p for p, *_ in rows], np.int64),
        ids={
            to: np.array([_id(r, *names) for _, r, _, _ in rows], np.int64)
            for to, names in (
                ("alert_id", ("alertId",)),
                ("source_id", ("diaSourceId", "diaSource.diaSourceId")),
                ("object_id", ("diaObjectId", "diaObject.diaObjectId", "diaSource.diaObjectId")),
            )
        },
        pairs=(
            np.concatenate([[0], np.cumsum([len(pairs) for *_, pairs in rows])]).astype(np.int64),
            np.array([c for *_, pairs in rows for c, _ in pairs], np.int64),
            np.array([p for *_, pairs in rows for _, p in pairs], np.float32),
        ),
        senders=senders,
        sender=np.array([index[s] for _, _, s, _ in rows], np.int64),
        times={
            to: np.array([_number(r.get(name)) for _, r, _, _ in rows], float) * scale
            for to, name in (
                ("published", "brokerPublishTimestamp"),
                ("claimed", "elasticcPublishTimestamp"),
                ("ingested", "brokerIngestTimestamp"),
            )
        },
        malformed=sorted(malformed),
    )


def _answers(record: Any) -> list[tuple[Sender, list[tuple[int, float]]]]:
    if not isinstance(record, Mapping):
        raise _Bad(f"expected an object, got {type(record).__name__}")
    items = record.get("classifications")
    if not isinstance(items, list):
        raise _Bad("expected a list of classifications, got none")
    version = _str(record.get("brokerVersion")) or _str(record.get("classifierVersion"))
    found: dict[Sender, list[tuple[int, float]]] = {}
    whole = Sender(
        _str(record.get("brokerName")),
        version,
        _str(record.get("classifierName")),
        _str(record.get("classifierParams")),
    )
    for item in items:
        if not isinstance(item, Mapping) or "classId" not in item or "probability" not in item:
            raise _Bad("expected classId and probability in each classification")
        class_id = item["classId"]
        if isinstance(class_id, bool) or not isinstance(class_id, int) or abs(class_id) > 2**31:
            raise _Bad(f"expected a whole number as classId, got {str(class_id)[:40]!r}")
        sender = whole
        if "classifierName" in item:
            sender = Sender(
                whole.broker, whole.version, _str(item["classifierName"]), _str(item.get("classifierParams"))
            )
        found.setdefault(sender, []).append((class_id, _number(item["probability"])))
    return list(found.items()) or [(whole, [])]


def _str(value: Any) -> str:
    return "" if value is None else str(value)[:1000]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return float("nan")
    return float(value)


def _id(record: Mapping[str, Any], *names: str) -> int:
    for name in names:
        value: Any = record
        for key in name.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
            return value
    return NO_ID
