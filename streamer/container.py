"""Avro container files: one a message, as ZTF sends them, and many records in one, as archives keep them."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from streamer.codec import Ranges
from streamer.codec.wire import LEAN, SOURCE, copy, put_long
from streamer.packets import Packets

__all__ = ["Header", "blocks", "header_of", "unwrap", "wrap"]

MAGIC = b"Obj\x01"
MOST_HEADER = 4 << 20
"""Bytes of a header that are read at most."""


@dataclass(frozen=True)
class Header:
    """What a container file says in front: schema as text, codec, bytes up to the sync marker."""

    schema: str
    codec: str
    raw: bytes


def _long(value: int) -> bytes:
    zigzag, out = (value << 1) ^ (value >> 63), bytearray()
    while zigzag > 127:
        out.append(zigzag & 127 | 128)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


def _read_long(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(raw) or shift > 63:
            raise InputError("container: expected a number, got the end of the file")
        byte = raw[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at


def _read_bytes(raw: bytes, at: int) -> tuple[bytes, int]:
    size, at = _read_long(raw, at)
    if size < 0 or size > len(raw) - at:
        raise InputError(f"container: expected {size} bytes at {at}, got the end of the file")
    return raw[at : at + size], at + size


def header_of(raw: bytes) -> Header:
    """The header of a container file. InputError where it is none, or its codec is not null or deflate."""
    if not raw.startswith(MAGIC):
        raise InputError("container: expected an Avro container file, got other bytes")
    at, about = len(MAGIC), {}
    while True:
        count, at = _read_long(raw, at)
        if count == 0:
            break
        if count < 0:
            count = -count
            _, at = _read_long(raw, at)
        if count > 1000:
            raise InputError(f"container: expected a few entries in the header, got {count}")
        for _ in range(count):
            key, at = _read_bytes(raw, at)
            about[key], at = _read_bytes(raw, at)
    codec = about.get(b"avro.codec", b"null").decode("ascii", "replace")
    if b"avro.schema" not in about:
        raise InputError("container: expected a schema in the header, got none")
    if codec not in ("null", "deflate"):
        raise InputError(f"container: expected codec null or deflate, got {codec}")
    return Header(about[b"avro.schema"].decode("utf-8", "replace"), codec, raw[:at])


def make_header(schema: str) -> tuple[bytes, bytes]:
    """Header and sync marker of files that we write; the marker is told by the schema alone."""
    entries = ((b"avro.codec", b"null"), (b"avro.schema", schema.encode()))
    body = b"".join(_long(len(x)) + x for entry in entries for x in entry)
    sync = hashlib.sha256(schema.encode()).digest()[:16]
    return MAGIC + _long(len(entries)) + body + b"\0" + sync, sync


def wrap(records: Packets, schema: str) -> Packets:
    """A container file of one record for each of the records."""
    header, sync = make_header(schema)
    front = np.frombuffer(header + b"\x02", "u1")
    room = int(records.offsets[-1] - records.offsets[0]) + len(records) * (len(front) + 10 + 16)
    out, offsets = np.empty(room, "u1"), np.zeros(len(records) + 1, "i8")
    _wrap(records.data, records.offsets, front, np.frombuffer(sync, "u1"), out, offsets)
    return Packets(out[: offsets[-1]], offsets)


@numba.njit(nogil=True, **LEAN)
def _wrap(data: Any, spans: Any, front: Any, sync: Any, out: Any, offsets: Any, source: Any = SOURCE) -> None:
    at = 0
    for i in range(len(spans) - 1):
        size = spans[i + 1] - spans[i]
        copy(out, at, front, 0, len(front))
        at = put_long(out, at + len(front), size)
        copy(out, at, data, spans[i], size)
        copy(out, at + size, sync, 0, 16)
        at += size + 16
        offsets[i + 1] = at


def unwrap(
    files: Ranges,
) -> tuple[list[tuple[Header, NDArray[np.int64], Ranges]], list[tuple[int, str]]]:
    """The records of files that hold one record each, by header: (header, rows, records).

    The second is (row, reason) of the files that do not hold exactly one.
    """
    left = np.ones(len(files), "?")
    found, wrong = [], []
    while left.any():
        row = int(np.argmax(left))
        start = int(files.start[row])
        raw = files.data[start : start + min(int(files.size[row]), MOST_HEADER)].tobytes()
        try:
            header = header_of(raw)
        except InputError as error:
            wrong.append((row, str(error)))
            left[row] = False
            continue
        same = np.flatnonzero(left)
        spans = np.zeros((len(same), 3), "i8")
        _unwrap(files.data, files.start[same], files.size[same], np.frombuffer(header.raw, "u1"), spans)
        mine, fault = same[spans[:, 2] >= 0], same[spans[:, 2] > 0]
        left[mine] = False
        wrong += [(int(i), "container: expected one whole record, got another number of them") for i in fault]
        good = spans[:, 2] == 0
        records = Ranges(files.data, spans[good, 0], spans[good, 1])
        rows = same[good]
        if header.codec == "deflate":
            records, rows, bad = _inflated(records, rows)
            wrong += bad
        found.append((header, rows, records))
    return found, sorted(wrong)


@numba.njit(cache=True, nogil=True)
def _unwrap(data: Any, start: Any, size: Any, header: Any, spans: Any) -> None:
    """spans: start and size of the record, and 0; 1 where the file is broken, -1 for another header."""
    n = len(header)
    for i in range(len(start)):
        p, end = start[i], start[i] + size[i]
        spans[i, 2] = -1
        if size[i] < n:
            continue
        same = True
        for k in range(n):
            if data[p + k] != header[k]:
                same = False
                break
        if not same:
            continue
        spans[i, 2] = 1
        sync = p + n
        p = sync + 16
        if p + 2 > end or data[p] != 2:  # one record
            continue
        p += 1
        value, shift = np.uint64(0), np.uint64(0)
        while p < end and shift < np.uint64(49):
            byte = np.uint64(data[p])
            p += 1
            value |= (byte & np.uint64(127)) << shift
            shift += np.uint64(7)
            if byte < np.uint64(128):
                break
        length = np.int64(value >> np.uint64(1))
        if (value & np.uint64(1)) == np.uint64(1) or p + length + 16 != end:
            continue
        same = True
        for k in range(16):
            if data[p + length + k] != data[sync + k]:
                same = False
        if same:
            spans[i, 0], spans[i, 1], spans[i, 2] = p, length, 0


_MOST_INFLATED = 64 << 20


def _inflated(
    records: Ranges, rows: NDArray[np.int64]
) -> tuple[Ranges, NDArray[np.int64], list[tuple[int, str]]]:
    out, kept, wrong = [], [], []
    for row, raw in zip(rows.tolist(), records.packets(), strict=True):
        try:
            out.append(_inflate(raw))
            kept.append(row)
        except InputError as error:
            wrong.append((row, str(error)))
    return Ranges.of(Packets.of(out)), np.array(kept, "i8"), wrong


def _inflate(raw: bytes) -> bytes:
    inflater = zlib.decompressobj(-15)
    try:
        plain = inflater.decompress(raw, _MOST_INFLATED)
    except zlib.error as error:
        raise InputError(f"container: expected deflated bytes, got {error}") from error
    if inflater.unconsumed_tail or not inflater.eof:
        raise InputError("container: expected a whole deflated block of at most 64 MiB, got another")
    return plain


def blocks(raw: bytes) -> tuple[Header, list[tuple[int, bytes]]]:
    """The header of a container file, and (records, their bytes) of each of its blocks."""
    header = header_of(raw)
    at = len(header.raw)
    sync = raw[at : at + 16]
    at += 16
    found = []
    while at < len(raw):
        count, at = _read_long(raw, at)
        body, at = _read_bytes(raw, at)
        if raw[at : at + 16] != sync or count < 0:
            raise InputError(f"container: expected a sync marker at byte {at}, got other bytes")
        at += 16
        found.append((count, _inflate(body) if header.codec == "deflate" else body))
    return header, found
