"""brokerClassification messages without a schema, decoded many at a time.

Layouts are facts of the published schemas: lsst v4_1 (2022), elasticc v0_9 and v0_9_1. All are
bare Avro: zigzag varints, little-endian floats, strings with a length, arrays in blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.readers._kernel import ARRAY, FLOAT, LONG, MAYBE_LONG, STRING, decode_messages, span_hashes
from scoring.submission import Batch, Sender, batch_of

__all__ = ["LAYOUTS", "Layout", "decode", "layout_of_schema", "recognise"]


@dataclass(frozen=True)
class Layout:
    """Fields of a message and of an item of its classifications, in order."""

    top: tuple[str, ...]
    item: tuple[str, ...]
    per_millisecond: bool = False  # timestamps in ms, not us

    def codes(self, names: Sequence[str]) -> NDArray[np.int64]:
        """What each field is on the wire."""
        kinds = {"brokerIngestTimestamp": MAYBE_LONG, "classifications": ARRAY, "probability": FLOAT}
        text = {"brokerName", "brokerVersion", "classifierName", "classifierParams", "classifierVersion"}
        return np.array([STRING if n in text else kinds.get(n, LONG) for n in names], np.int64)


LAYOUTS = {
    "v0_9_1": Layout(
        (
            "alertId", "diaSourceId", "elasticcPublishTimestamp", "brokerIngestTimestamp", "brokerName",
            "brokerVersion", "classifierName", "classifierParams", "classifications",
        ),
        ("classId", "probability"),
        per_millisecond=True,
    ),
    "v0_9": Layout(
        (
            "alertId", "diaSourceId", "elasticcPublishTimestamp", "brokerIngestTimestamp", "brokerName",
            "brokerVersion", "classifications",
        ),
        ("classifierName", "classifierParams", "classId", "probability"),
        per_millisecond=True,
    ),
    "v4_1": Layout(
        ("alertId", "diaObjectId", "elasticcPublishTimestamp", "brokerIngestTimestamp", "classifications"),
        ("classifierName", "classId", "probability"),
    ),
}  # fmt: skip


def layout_of_schema(schema: object) -> Layout | None:
    """The layout that a writer's schema has, None where it is another record."""
    if not isinstance(schema, dict) or not isinstance(schema.get("fields"), list):
        return None
    names = tuple(f.get("name") for f in schema["fields"])
    for layout in LAYOUTS.values():
        if names == layout.top and _items(schema) == layout.item and _plain_types(schema):
            return layout
    return None


def _items(schema: dict) -> tuple[str, ...]:
    for field in schema["fields"]:
        if field["name"] == "classifications" and isinstance(field["type"], dict):
            items = field["type"].get("items")
            if isinstance(items, dict):
                return tuple(f["name"] for f in items.get("fields", ()))
    return ()


def _plain_types(schema: dict) -> bool:
    """Whether every field is of the published type: a union in the wrong place would shift the bytes."""
    for field in schema["fields"]:
        kind = field["type"]
        kind = kind.get("type") if isinstance(kind, dict) else kind
        if field["name"] == "brokerIngestTimestamp":
            if not (isinstance(kind, list) and kind[0] == "null" and len(kind) == 2):
                return False
        elif not isinstance(kind, str):
            return False
    return True


def recognise(message: bytes) -> str:
    """The name of the first layout in which a message decodes to its last byte, "" for none."""
    blob = np.frombuffer(message, np.uint8)
    for name, layout in LAYOUTS.items():
        starts = np.array([0], np.int64)
        ok, *_ = _decode(blob, starts, np.array([len(blob)]), layout)
        if ok[0]:
            return name
    return ""


def decode(
    blob: NDArray[np.uint8], bounds: NDArray[np.int64], layout: Layout, *, file: str, first: int
) -> Batch:
    """The batch of messages in a blob; message i is the bytes bounds[i]:bounds[i + 1].

    first: position of the first message. A message that does not decode to its last byte is
    malformed.
    """
    ok, ints, names, offsets, class_id, probability, item_names = _decode(
        blob, bounds[:-1], bounds[1:], layout
    )
    return _batch(blob, layout, (ok, ints, names, offsets, class_id, probability, item_names), file, first)


def decode_run(blob: NDArray[np.uint8], n: int, layout: Layout, *, file: str, first: int) -> Batch:
    """The batch of n messages that follow each other in a block of a container file."""
    starts = np.full(n, -1, np.int64)
    return _batch(blob, layout, _decode(blob, starts, np.full(n, len(blob)), layout), file, first)


def _decode(blob: NDArray, starts: NDArray, ends: NDArray, layout: Layout):  # type: ignore[no-untyped-def]
    n, room = len(starts), len(blob) // 5 + 1
    ok = np.zeros(n, np.bool_)
    ints = np.full((n, len(layout.top)), np.iinfo(np.int64).min, np.int64)
    names = np.zeros((n, len(layout.top), 2), np.int64)
    offsets = np.zeros(n + 1, np.int64)
    class_id = np.zeros(room, np.int64)
    probability = np.zeros(room, np.float32)
    item_names = np.zeros((room if "classifierName" in layout.item else 0, 2, 2), np.int64)
    bits = np.zeros(1, np.uint32)
    top, item = layout.codes(layout.top), layout.codes(layout.item)
    decode_messages(
        blob, starts, ends, top, item, ok, ints, names, offsets, class_id, probability, item_names, bits,
        bits.view(np.float32),
    )  # fmt: skip
    used = offsets[-1]
    return ok, ints, names, offsets, class_id[:used], probability[:used], item_names[:used]


def _batch(blob: NDArray, layout: Layout, decoded: tuple, file: str, first: int) -> Batch:
    ok, ints, names, offsets, class_id, probability, item_names = decoded
    rows = np.flatnonzero(ok)
    column = {name: i for i, name in enumerate(layout.top)}
    counts = np.diff(offsets)[rows]
    pair_offsets = np.concatenate([[0], np.cumsum(counts)])
    senders, sender = _senders(blob, names[rows], column)
    if len(item_names):
        rows, pair_offsets, senders, sender = _split_items(
            blob, item_names, rows, pair_offsets, senders, sender
        )
    ids = {
        to: ints[rows, column[name]]
        for name, to in (("alertId", "alert_id"), ("diaSourceId", "source_id"), ("diaObjectId", "object_id"))
        if name in column
    }
    times = {
        to: _time(ints[rows, column[name]], layout.per_millisecond)
        for name, to in (("elasticcPublishTimestamp", "claimed"), ("brokerIngestTimestamp", "ingested"))
    }
    bad = tuple(
        (first + int(i), "expected a message of its layout, got other bytes") for i in np.flatnonzero(~ok)
    )
    return batch_of(
        file,
        first + rows,
        ids=ids,
        pairs=(pair_offsets, class_id, probability),
        senders=senders,
        sender=sender,
        times=times,
        malformed=bad,
    )


def _time(values: NDArray[np.int64], per_millisecond: bool) -> NDArray[np.float64]:
    known = values != np.iinfo(np.int64).min
    return np.where(known, values.astype(float) * (1e3 if per_millisecond else 1.0), np.nan)


def _text(blob: NDArray, span: NDArray) -> str:
    return bytes(blob[span[0] : span[1]]).decode("utf-8", "replace")


def _senders(
    blob: NDArray, names: NDArray, column: dict[str, int]
) -> tuple[tuple[Sender, ...], NDArray[np.int64]]:
    used = [column.get(n) for n in ("brokerName", "brokerVersion", "classifierName", "classifierParams")]
    spans = names[:, [u for u in used if u is not None]]
    hashes = span_hashes(blob, np.ascontiguousarray(spans))
    _, example, sender = np.unique(hashes, return_index=True, return_inverse=True)
    senders = tuple(
        Sender(*(("" if u is None else _text(blob, names[i, u])) for u in used)) for i in example.tolist()
    )
    return senders, sender.reshape(-1).astype(np.int64)


def _split_items(
    blob: NDArray, item_names: NDArray, rows: NDArray, offsets: NDArray, senders: tuple, sender: NDArray
) -> tuple[NDArray, NDArray, tuple[Sender, ...], NDArray]:
    """A message whose items name several classifiers as one message each; items of one stay together."""
    hashes = span_hashes(blob, np.ascontiguousarray(item_names))
    message = np.repeat(np.arange(len(rows)), np.diff(offsets))
    new = np.ones(len(hashes), bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (message[1:] != message[:-1])
    starts = np.flatnonzero(new)
    keys = np.stack([sender[message[starts]].astype(np.uint64), hashes[starts]], 1)
    _, example, of = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    found = []
    for i in example.tolist():
        at, who = starts[i], senders[sender[message[starts[i]]]]
        params = _text(blob, item_names[at, 1])
        found.append(Sender(who.broker, who.version, _text(blob, item_names[at, 0]), params))
    return (
        rows[message[starts]],
        np.append(starts, len(hashes)),
        tuple(found),
        of.reshape(-1).astype(np.int64),
    )
