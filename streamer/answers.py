"""ELAsTiCC brokerClassification messages: many at a time, to bytes and back."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import fastavro
import numba
import numpy as np
from numpy.typing import NDArray

from streamer.packets import Packets
from streamer.schemas.elasticc_v0_9_1.mapping import CLASSIFICATION

__all__ = ["Answers", "Sender", "decode_answers", "encode_answers"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Sender:
    """Who answers: the four names in a brokerClassification, and the class ids."""

    broker: str
    version: str
    classifier: str
    params: str
    classes: tuple[int, ...]

    @classmethod
    def of(cls, broker: Any) -> Sender:
        """The sender of a broker object."""
        params = getattr(broker, "params", "")
        classes = tuple(int(c) for c in broker.classes)
        return cls(broker.name, str(broker.version), broker.name, str(params), classes)


@dataclass(frozen=True, eq=False)
class Answers:
    """n decoded messages; times i8[n] us UTC as the payload claims them (NO_TIME for none).

    sender i4[n] indexes senders (broker, version, classifier, params); message i owns the pairs
    (class_id i4, probability f4) offsets[i]:offsets[i + 1]. rows i8[n]: which message of the batch.
    """

    rows: Array
    alert_id: Array
    source_id: Array
    claimed_publish: Array
    claimed_ingest: Array
    sender: Array
    senders: list[tuple[str, str, str, str]]
    offsets: Array
    class_id: Array
    probability: Array


def encode_answers(
    sender: Sender, ids: tuple[Array, Array], times: tuple[Array, Array], probability: Array
) -> Packets:
    """brokerClassification messages, schemaless Avro of ELAsTiCC v0.9.1.

    ids: alert and source ids, i8[n] each. times: publication and ingest, i8[n] us UTC each.
    probability: f4[n, len(classes)].
    """
    texts = b"".join(_text(t) for t in (sender.broker, sender.version, sender.classifier, sender.params))
    head = np.frombuffer(texts + _long(len(sender.classes)) if sender.classes else texts, "u1")
    codes = [_long(c) for c in sender.classes]
    code = np.frombuffer(b"".join(codes), "u1")
    ends = np.cumsum([0, *(len(c) for c in codes)]).astype("i8")
    n = len(probability)
    room = n * (4 * 10 + 1 + len(head) + len(code) + 4 * len(codes) + 1)
    out, offsets = np.empty(room, "u1"), np.zeros(n + 1, "i8")
    bits = np.ascontiguousarray(probability, "<f4").view("u1").reshape(n, -1)
    longs = np.stack([ids[0], ids[1], times[0] // 1000, times[1] // 1000], axis=1).astype("i8")
    _encode(longs, head, code, ends, bits, out, offsets)
    return Packets(out[: offsets[-1]], offsets)


@numba.njit(cache=True, nogil=True)
def _encode(longs: Any, head: Any, code: Any, ends: Any, bits: Any, out: Any, offsets: Any) -> None:
    at = 0
    for i in range(len(longs)):
        for j in range(4):
            if j == 3:
                out[at] = 2  # second branch of the union: not null
                at += 1
            value = longs[i, j]
            zigzag = np.uint64((value << 1) ^ (value >> 63))
            while zigzag > np.uint64(127):
                out[at] = np.uint8(zigzag & np.uint64(127)) | np.uint8(128)
                zigzag = zigzag >> np.uint64(7)
                at += 1
            out[at] = np.uint8(zigzag)
            at += 1
        out[at : at + len(head)] = head
        at += len(head)
        for c in range(len(ends) - 1):
            for k in range(ends[c], ends[c + 1]):
                out[at] = code[k]
                at += 1
            out[at : at + 4] = bits[i, 4 * c : 4 * c + 4]
            at += 4
        out[at] = 0
        at += 1
        offsets[i + 1] = at


def decode_answers(packets: Packets) -> tuple[Answers, list[tuple[int, str]]]:
    """The answers in n packets, and (row, reason) of those that are no brokerClassification."""
    wrong: list[tuple[int, str]] = []
    rows, records = [], []
    for i, raw in enumerate(packets):
        stream = io.BytesIO(raw)
        try:
            record: Any = fastavro.schemaless_reader(stream, _PLAIN, None)
            if stream.tell() != len(raw):
                raise ValueError(f"{len(raw) - stream.tell()} bytes behind the record")
        except Exception as error:  # fastavro raises what its readers stumble on
            wrong.append((i, f"expected a brokerClassification v0.9.1, got {type(error).__name__}: {error}"))
            continue
        rows.append(i)
        records.append(record)
    senders: dict[tuple[str, str, str, str], int] = {}
    names = ("brokerName", "brokerVersion", "classifierName", "classifierParams")
    sender = [senders.setdefault(tuple(r[n] for n in names), len(senders)) for r in records]
    pairs = [(c["classId"], c["probability"]) for r in records for c in r["classifications"]]
    offsets = np.cumsum([0, *(len(r["classifications"]) for r in records)])
    claims = [(r["elasticcPublishTimestamp"], r["brokerIngestTimestamp"]) for r in records]
    return (
        Answers(
            rows=np.array(rows, "i8"),
            alert_id=np.array([r["alertId"] for r in records], "i8"),
            source_id=np.array([r["diaSourceId"] for r in records], "i8"),
            claimed_publish=_micros([p for p, _ in claims]),
            claimed_ingest=_micros([i for _, i in claims]),
            sender=np.array(sender, "i4"),
            senders=list(senders),
            offsets=offsets.astype("i8"),
            class_id=np.array([c for c, _ in pairs], "i4"),
            probability=np.array([p for _, p in pairs], "f4"),
        ),
        wrong,
    )


def _micros(millis: list[int | None]) -> Array:
    """us of ms; NO_TIME for null and for what no clock can show."""
    most = 1 << 50
    known = [m * 1000 if m is not None and -most < m < most else _NO_TIME for m in millis]
    return np.array(known, "i8")


_NO_TIME = int(np.iinfo(np.int64).min)


def _without_logical_types(schema: Any) -> Any:
    """The schema with plain longs: a broker may send times that no datetime can hold."""
    if isinstance(schema, dict):
        kept = {
            k: _without_logical_types(v)
            for k, v in schema.items()
            if k not in ("logicalType", "__fastavro_parsed__")
        }
        return kept["type"] if set(kept) == {"type"} and isinstance(kept["type"], str) else kept
    return [_without_logical_types(s) for s in schema] if isinstance(schema, list) else schema


_PLAIN = fastavro.parse_schema(_without_logical_types(CLASSIFICATION))


def _long(value: int) -> bytes:
    zigzag, out = (value << 1) ^ (value >> 63), bytearray()
    while zigzag > 127:
        out.append(zigzag & 127 | 128)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


def _text(text: str) -> bytes:
    raw = text.encode()
    return _long(len(raw)) + raw
