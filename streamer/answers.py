"""ELAsTiCC brokerClassification messages: many at a time, to bytes and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.tables import NO_TIME
from streamer.codec import Ranges, compile_schema
from streamer.packets import Packets
from streamer.schemas.elasticc_v0_9_1.mapping import CLASSIFICATION

__all__ = ["Answers", "Sender", "decode_answers", "encode_answers"]

_NAMES = ("brokerName", "brokerVersion", "classifierName", "classifierParams")
_WANT = frozenset(
    {
        "alertId",
        "diaSourceId",
        "elasticcPublishTimestamp",
        "brokerIngestTimestamp",
        "brokerIngestTimestamp?",
        *_NAMES,
        "classifications#",
        "classifications[].classId",
        "classifications[].probability",
    }
)
CODEC = compile_schema(CLASSIFICATION)

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
    d = CODEC.decode(packets, _WANT)
    names = [d[n] for n in _NAMES]
    starts, sizes = np.stack([n.start for n in names], axis=1), np.stack([n.size for n in names], axis=1)
    sender, first = np.empty(len(d.rows), "i4"), np.empty(len(d.rows), "i8")
    count = _group(packets.data, starts, sizes, sender, first)
    ingest = _micros(d["brokerIngestTimestamp"])
    ingest[d["brokerIngestTimestamp?"] == 0] = NO_TIME
    offsets = np.zeros(len(d.rows) + 1, "i8")
    np.cumsum(d["classifications#"], out=offsets[1:])
    texts = [Ranges(n.data, n.start[first[:count]], n.size[first[:count]]).texts() for n in names]
    answers = Answers(
        rows=d.rows,
        alert_id=d["alertId"],
        source_id=d["diaSourceId"],
        claimed_publish=_micros(d["elasticcPublishTimestamp"]),
        claimed_ingest=ingest,
        sender=sender,
        senders=list(zip(*texts, strict=True)),
        offsets=offsets,
        class_id=np.clip(d["classifications[].classId"], -(2**31), 2**31 - 1).astype("i4"),
        probability=d["classifications[].probability"],
    )
    return answers, [
        (row, f"expected a brokerClassification v0.9.1, got {reason}") for row, reason in d.wrong
    ]


@numba.njit(cache=True, nogil=True)
def _group(data: Any, starts: Any, sizes: Any, group: Any, first: Any) -> Any:
    """Number of different senders; group i4[n] of each message, first message of each group."""
    count, last = 0, 0
    for i in range(len(starts)):
        found = -1
        for k in range(count):
            g = (last + k) % count
            j = first[g]
            same = True
            for c in range(starts.shape[1]):
                if sizes[i, c] != sizes[j, c]:
                    same = False
            c = 0
            while same and c < starts.shape[1]:
                for b in range(sizes[i, c]):
                    if data[starts[i, c] + b] != data[starts[j, c] + b]:
                        same = False
                        break
                c += 1
            if same:
                found = g
                break
        if found < 0:
            found = count
            first[count] = i
            count += 1
        group[i] = last = found
    return count


_MOST = 1 << 50


def _micros(millis: Array) -> Array:
    """us of ms; NO_TIME for what no clock can show."""
    return np.where((millis > -_MOST) & (millis < _MOST), millis * 1000, NO_TIME)


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
