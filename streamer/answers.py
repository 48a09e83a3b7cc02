"""ELAsTiCC brokerClassification messages of v0.9.1, many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from streamer.packets import Packets

__all__ = ["Sender", "encode_answers"]

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
