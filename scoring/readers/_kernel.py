"""Bare Avro messages of a flat record with one array of records, field by field, compiled.

A field is a code: LONG a zigzag varint, MAYBE_LONG a union of null and long, STRING a length and
bytes, ARRAY blocks of items, FLOAT four bytes. Nothing of a message is trusted: every length is held
against the bytes that are left.
"""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["ARRAY", "FLOAT", "LONG", "MAYBE_LONG", "STRING", "decode_messages", "span_hashes"]

LONG, MAYBE_LONG, STRING, ARRAY, FLOAT = 0, 1, 2, 3, 4


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
def decode_messages(  # type: ignore[no-untyped-def]
    blob, starts, ends, top, item, ok, ints, names, offsets, class_id, probability, item_names, bits, real
):
    """Decode message m from starts[m] (-1: where the one before ended) to ends[m] into the arrays.

    top, item: codes of the fields of a message and of an item. ok[m] is False where the bytes are no
    such message; `offsets` then gives it no pairs. bits and real are one float seen both ways.
    """
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
            if code == ARRAY:
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
                            if item[g] == FLOAT:
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
                                if item[g] == STRING:
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
            if code == MAYBE_LONG:
                branch, at = _varint(blob, at, end)
                if at < 0 or branch < 0 or branch > 1:
                    good = False
                    break
                if branch == 0:
                    continue
            value, at = _varint(blob, at, end)
            if at < 0:
                good = False
            elif code == STRING:
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
def span_hashes(blob, spans):  # type: ignore[no-untyped-def]
    """FNV-1a of the bytes in each row of spans i8[n, k, 2], u8[n]."""
    out = np.empty(len(spans), np.uint64)
    for i in range(len(spans)):
        h = np.uint64(14695981039346656037)  # FNV-1a
        for k in range(spans.shape[1]):
            for at in range(spans[i, k, 0], spans[i, k, 1]):
                h = (h ^ np.uint64(blob[at])) * np.uint64(1099511628211)
            h = (h ^ np.uint64(256)) * np.uint64(1099511628211)
        out[i] = h
    return out
