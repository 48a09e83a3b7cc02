"""brokerClassification messages without a schema, decoded many at a time.

Layouts are facts of the published schemas: lsst v4_1 (2022), elasticc v0_9 and v0_9_1. All are
bare Avro: zigzag varints, little-endian floats, strings with a length, arrays in blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from scoring.submission import Batch, Sender, batch_of

__all__ = ["LAYOUTS", "Layout", "decode", "layout_of_schema", "recognise"]

_LONG, _MAYBE_LONG, _STRING, _ARRAY, _FLOAT = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class Layout:
    """Fields of a message and of an item of its classifications, in order."""

    top: tuple[str, ...]
    item: tuple[str, ...]
    per_millisecond: bool = False  # timestamps in ms, not us

    def codes(self, names: Sequence[str]) -> NDArray[np.int64]:
        """What each field is on the wire."""
        kinds = {"brokerIngestTimestamp": _MAYBE_LONG, "classifications": _ARRAY, "probability": _FLOAT}
        text = {"brokerName", "brokerVersion", "classifierName", "classifierParams", "classifierVersion"}
        return np.array([_STRING if n in text else kinds.get(n, _LONG) for n in names], np.int64)


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
    _kernel(
        blob, starts, ends, top, item, ok, ints, names, offsets, class_id, probability, item_names, bits,
        bits.view(np.float32),
    )  # fmt: skip
    used = offsets[-1]
    return ok, ints, names, offsets, class_id[:used], probability[:used], item_names[:used]


@numba.njit(cache=True, nogil=True)
def _varint(blob, at, end):  # type: ignore[no-untyped-def]
    value, shift = np.uint64(0), np.uint64(0)
    while at < end and shift < np.uint64(64):
        byte = np.uint64(blob[at])
        at += 1
        value |= (byte & np.uint64(127)) << shift
        if byte < np.uint64(128):
            return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1)), at
        shift += np.uint64(7)
    return np.int64(0), -1


@numba.njit(cache=True, nogil=True)
def _kernel(  # type: ignore[no-untyped-def]
    blob, starts, ends, top, item, ok, ints, names, offsets, class_id, probability, item_names, bits, real
):
    used, at = 0, 0
    for m in range(len(starts)):
        if starts[m] >= 0:
            at = starts[m]
        end = ends[m]
        before, good = used, at >= 0
        for f in range(len(top)):
            if not good:
                break
            code = top[f]
            if code == _ARRAY:
                while good:
                    count, at = _varint(blob, at, end)
                    if at < 0:
                        good = False
                        break
                    if count == 0:
                        break
                    if count < 0:  # a block with its size in bytes
                        count = -count
                        _size, at = _varint(blob, at, end)
                        if at < 0:
                            good = False
                            break
                    if count > end - at:
                        good = False
                        break
                    for _ in range(count):
                        text = 0
                        for g in range(len(item)):
                            if item[g] == _FLOAT:
                                if at + 4 > end:
                                    good = False
                                    break
                                bits[0] = (
                                    np.uint32(blob[at])
                                    | np.uint32(blob[at + 1]) << np.uint32(8)
                                    | np.uint32(blob[at + 2]) << np.uint32(16)
                                    | np.uint32(blob[at + 3]) << np.uint32(24)
                                )
                                probability[used] = real[0]
                                at += 4
                            else:
                                value, at = _varint(blob, at, end)
                                if at < 0:
                                    good = False
                                    break
                                if item[g] == _STRING:
                                    if value < 0 or at + value > end:
                                        good = False
                                        break
                                    item_names[used, text, 0] = at
                                    item_names[used, text, 1] = at + value
                                    text += 1
                                    at += value
                                else:
                                    class_id[used] = value
                        if not good:
                            break
                        used += 1
                continue
            if code == _MAYBE_LONG:
                branch, at = _varint(blob, at, end)
                if at < 0 or branch < 0 or branch > 1:
                    good = False
                    break
                if branch == 0:
                    continue
            value, at = _varint(blob, at, end)
            if at < 0:
                good = False
            elif code == _STRING:
                if value < 0 or at + value > end:
                    good = False
                else:
                    names[m, f, 0] = at
                    names[m, f, 1] = at + value
                    at += value
            else:
                ints[m, f] = value
        if good and starts[m] >= 0 and at != end:
            good = False
        if not good:
            used = before
            if starts[m] < 0:
                at = -1  # nothing after it in the block can be found
        ok[m] = good
        offsets[m + 1] = used


@numba.njit(cache=True, nogil=True)
def _span_hashes(blob, spans):  # type: ignore[no-untyped-def]
    out = np.empty(len(spans), np.uint64)
    for i in range(len(spans)):
        h = np.uint64(14695981039346656037)  # FNV-1a
        for k in range(spans.shape[1]):
            for at in range(spans[i, k, 0], spans[i, k, 1]):
                h = (h ^ np.uint64(blob[at])) * np.uint64(1099511628211)
            h = (h ^ np.uint64(256)) * np.uint64(1099511628211)
        out[i] = h
    return out


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
    hashes = _span_hashes(blob, np.ascontiguousarray(spans))
    _, example, sender = np.unique(hashes, return_index=True, return_inverse=True)
    senders = tuple(
        Sender(*(("" if u is None else _text(blob, names[i, u])) for u in used)) for i in example.tolist()
    )
    return senders, sender.reshape(-1).astype(np.int64)


def _split_items(
    blob: NDArray, item_names: NDArray, rows: NDArray, offsets: NDArray, senders: tuple, sender: NDArray
) -> tuple[NDArray, NDArray, tuple[Sender, ...], NDArray]:
    """A message whose items name several classifiers as one message each; items of one stay together."""
    hashes = _span_hashes(blob, np.ascontiguousarray(item_names))
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
