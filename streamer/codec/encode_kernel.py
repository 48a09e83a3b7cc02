"""The loop that runs programs to encode: columns into packets."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from streamer.codec.program import (
    ARRAY,
    BYTES,
    DOUBLE,
    END,
    ENTER,
    FIXED,
    FLOAT,
    JUMP,
    LONG,
    NEXT,
    NULL_BRANCH,
    OPT_DOUBLE,
    OPT_FLOAT,
    OPT_LONG,
    OPT_STRING,
    SPLICE,
    SPLICE_ARRAY,
    STRING,
    UNION,
)
from streamer.codec.program import (
    BOOLEAN as BOOL,
)
from streamer.codec.program import (
    ENUM as ENUM_,
)
from streamer.codec.wire import copy_bytes, copy_to, put_long, put_u4

__all__ = ["encode"]


@numba.njit(cache=True, nogil=True)
def encode(
    code: Any,
    jumps: Any,
    rows: Any,
    base: Any,
    cursor: Any,
    pools: Any,
    blob: Any,
    ready: Any,
    prefix: Any,
    out: Any,
    offsets: Any,
) -> Any:
    """Encode packets rows[0]..rows[1] into out; the number encoded before out was full.

    prefix u1: bytes in front of every packet.
    blob u1: bytes of strings. ready: what is spliced, (bytes u1, item starts i8, where the starts of
    node k begin i8[k], first i8[k, n], last i8[k, n]): its value n is items first..last.
    """
    longs, doubles, floats, small = pools
    items, starts, table, firsts, lasts = ready
    room = len(out)
    saved = np.empty(len(cursor), "i8")
    back, left = np.empty(64, "i8"), np.empty(64, "i8")
    at = offsets[0]
    for i in range(rows[0], rows[1]):
        copy_to(saved, cursor)
        pc, depth = 0, 0
        cursor[0] += 1
        full = at + len(prefix) > room
        if not full:
            for k in range(len(prefix)):
                out[at + k] = prefix[k]
            at += len(prefix)
        while not full:
            if at + 24 > room:
                full = True
                break
            op, a, b, scope = code[pc, 0], code[pc, 1], code[pc, 2], code[pc, 3]
            pc += 1
            if op >= OPT_LONG and op <= OPT_STRING:
                null = code[pc - 1, 4]
                here = base[a] + cursor[scope] if a >= 0 else 0
                if b >= 0:
                    is_null = np.int64(small[base[b] + cursor[scope]]) == null
                elif op == OPT_FLOAT:
                    is_null = (floats[here] & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000)
                elif op == OPT_DOUBLE:
                    is_null = (doubles[here] & np.uint64(0x7FFFFFFFFFFFFFFF)) > np.uint64(0x7FF0000000000000)
                else:
                    is_null = False
                out[at] = np.uint8(2 * null) if is_null else np.uint8(2 - 2 * null)
                at += 1
                if is_null:
                    continue
                b = code[pc - 1, 5]
                op -= 13
            if op in (LONG, ENUM_):
                at = put_long(out, at, longs[base[a] + cursor[scope]])
            elif op == FLOAT:
                put_u4(out, at, floats[base[a] + cursor[scope]])
                at += 4
            elif op == DOUBLE:
                bits = doubles[base[a] + cursor[scope]]
                put_u4(out, at, np.uint32(bits & np.uint64(0xFFFFFFFF)))
                put_u4(out, at + 4, np.uint32(bits >> np.uint64(32)))
                at += 8
            elif op in (SPLICE, SPLICE_ARRAY):
                n = cursor[scope]
                low = starts[table[a] + firsts[a, n]]
                high = starts[table[a] + lasts[a, n]]
                if at + 24 + high - low > room:
                    full = True
                    break
                if op == SPLICE_ARRAY and lasts[a, n] > firsts[a, n]:
                    at = put_long(out, at, lasts[a, n] - firsts[a, n])
                copy_bytes(out, at, items, low, high - low)
                at += high - low
                if op == SPLICE_ARRAY:
                    out[at] = 0
                    at += 1
            elif op in (STRING, BYTES, FIXED):
                low, size = longs[base[a] + cursor[scope]], longs[base[b] + cursor[scope]]
                if at + 24 + size > room:
                    full = True
                    break
                if op != FIXED:
                    at = put_long(out, at, size)
                copy_bytes(out, at, blob, low, size)
                at += size
            elif op == NULL_BRANCH:
                out[at] = np.uint8(2 * code[pc - 1, 4])
                at += 1
            elif op == NEXT:
                left[depth - 1] -= 1
                if left[depth - 1] > 0:
                    cursor[b] += 1
                    pc = code[pc - 1, 4]
                    continue
                depth -= 1
                out[at] = 0
                at += 1
            elif op == ENTER:
                cursor[scope] += 1
            elif op == JUMP:
                pc = code[pc - 1, 4]
            elif op == UNION:
                branch = np.int64(small[base[a] + cursor[scope]]) if a >= 0 else code[pc - 1, 5]
                at = put_long(out, at, branch)
                pc = jumps[b + branch]
            elif op == BOOL:
                out[at] = small[base[a] + cursor[scope]]
                at += 1
            elif op == ARRAY:
                count = longs[base[a] + cursor[scope]]
                if count == 0:
                    out[at] = 0
                    at += 1
                    pc = code[pc - 1, 4]
                else:
                    at = put_long(out, at, count)
                    back[depth], left[depth] = pc, count
                    depth += 1
                    cursor[b] += 1
            elif op == END:
                break
        if full:
            copy_to(cursor, saved)
            return i - rows[0]
        offsets[i - rows[0] + 1] = at
    return rows[1] - rows[0]
