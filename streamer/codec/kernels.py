"""The loop that runs programs to decode: packets into columns."""

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
    OPT_LONG,
    STRING,
    UNION,
)
from streamer.codec.program import (
    BOOLEAN as BOOL,
)
from streamer.codec.program import (
    ENUM as ENUM_,
)
from streamer.codec.wire import copy_to, is_utf8, read_long, read_small, skip_long, u4_at, word_at

__all__ = ["ERRORS", "decode"]

OK, TRUNCATED, VARINT, BRANCH, LENGTH, ENUM, COUNT, UTF8, TRAILING, BOOLEAN = range(10)
ERRORS = (
    "",
    "the end of the packet inside a value",
    "a number of more than 64 bits",
    "a branch that the union does not have",
    "a length beyond the packet",
    "a symbol that the enum does not have",
    "more items than the packet has room for",
    "text that is not UTF-8",
    "bytes behind the record",
    "a boolean that is neither 0 nor 1",
)
U = np.uint64
"""Numba takes an index with a sign as one from the end where it is negative: a test each time."""
MOST_EMPTY = 65_536
"""Items without bytes (nulls, empty records) that one packet may hold."""


@numba.njit(cache=True, nogil=True)
def decode(
    code: Any,
    jumps: Any,
    data: Any,
    spans: Any,
    base: Any,
    caps: Any,
    cursor: Any,
    pools: Any,
    status: Any,
    first: Any,
) -> Any:
    """Decode packets first.. into the pools; (next packet, scope to enlarge or -1, items it needs).

    spans i8[n, 2]: where each packet begins and ends in data. cursor i8[scopes]: item of each scope.
    status i8[n, 2]: error and position of each packet; a packet in error leaves nothing behind.
    pools: i8, f8 (as u8), f4 (as u4) and u1 arrays.
    """
    longs, doubles, floats, small = pools
    saved = np.empty(len(cursor), "i8")
    depth = 0
    back, left = np.empty(64, "i8"), np.empty(64, "i8")
    for i in range(first, len(spans)):
        copy_to(saved, cursor)
        p, end = spans[i, 0], spans[i, 1]
        begin = p
        pc, err, empty, depth = 0, 0, 0, 0
        cursor[0] += 1
        while True:
            row = U(pc)
            op, a, b, scope = code[row, 0], code[row, 1], code[row, 2], code[row, 3]
            pc += 1
            null, steps = False, code[pc - 1, 4]
            if op >= OPT_LONG:
                if p >= end:
                    err = TRUNCATED
                    break
                branch = np.int64(data[p]) >> 1
                if data[p] == 0 or data[p] == 2:
                    p += 1
                else:  # a number written longer than it need be, or no branch at all
                    branch, q = read_small(data, p, end)
                    if q < 0 or branch < 0 or branch > 1:
                        err = BRANCH
                        break
                    p = q
                if b >= 0:
                    small[U(base[U(b)] + cursor[U(scope)])] = branch
                null = branch == code[pc - 1, 4]
                op -= 13  # its plain sister
                if null:
                    if a >= 0:
                        at = base[a] + cursor[scope]
                        if op == FLOAT:
                            floats[at] = np.uint32(0x7FC00000)
                        elif op == DOUBLE:
                            doubles[at] = np.uint64(0x7FF8000000000000)
                        elif op == BOOL:
                            small[at] = 0
                        else:
                            longs[at] = 0
                            if op != LONG and code[pc - 1, 5] >= 0:
                                longs[base[code[pc - 1, 5]] + cursor[scope]] = 0
                    continue
                b, steps = code[pc - 1, 5], 1
            if op == LONG:
                if a < 0:
                    q = p
                    for _ in range(steps):
                        q = skip_long(data, q, end)
                        if q < 0:
                            break
                else:
                    value, q = read_long(data, p, end)
                    longs[U(base[U(a)] + cursor[U(scope)])] = value
                if q < 0:
                    err = TRUNCATED if q == -1 else VARINT
                    break
                p = q
            elif op == FLOAT:
                while end - p >= 4:  # fluxes and their errors come one behind the other
                    if a >= 0:
                        floats[U(base[U(a)] + cursor[U(scope)])] = u4_at(data, p)
                    p += 4
                    if code[U(pc), 0] != FLOAT:
                        break
                    a, scope = code[U(pc), 1], code[U(pc), 3]
                    pc += 1
                else:
                    err = TRUNCATED
                    break
            elif op == DOUBLE:
                if end - p < 8:
                    err = TRUNCATED
                    break
                if a >= 0:
                    doubles[U(base[U(a)] + cursor[U(scope)])] = word_at(data, p)
                p += 8
            elif op in (STRING, BYTES):
                size, q = read_small(data, p, end)
                if q < 0:
                    err = TRUNCATED if q == -1 else VARINT
                    break
                if size < 0 or size > end - q:
                    err = LENGTH
                    p = q
                    break
                if (
                    op == STRING
                    and (size > 1 or (size == 1 and data[q] > 127))
                    and not is_utf8(data, q, size)
                ):
                    err = UTF8
                    p = q
                    break
                if a >= 0:
                    longs[U(base[U(a)] + cursor[U(scope)])] = q
                    longs[U(base[U(b)] + cursor[U(scope)])] = size
                p = q + size
            elif op == NEXT:
                left[depth - 1] -= 1
                if left[depth - 1] > 0:
                    cursor[b] += 1
                    pc = code[pc - 1, 4]
                    continue
                depth -= 1
                pc = back[depth]  # the array's own row: is there another block?
                a, b, scope = code[pc, 1], code[pc, 2], code[pc, 3]
                pc += 1
                op = ARRAY
            elif op == ENTER:
                cursor[scope] += 1
            elif op == JUMP:
                pc = code[pc - 1, 4]
            elif op == UNION:
                branch64, q = read_small(data, p, end)
                if q < 0:
                    err = TRUNCATED if q == -1 else VARINT
                    break
                if branch64 < 0 or branch64 >= code[pc - 1, 4]:
                    err = BRANCH
                    break
                p = q
                if a >= 0:
                    small[U(base[U(a)] + cursor[U(scope)])] = branch64
                pc = jumps[b + branch64]
            elif op == BOOL:
                if p >= end:
                    err = TRUNCATED
                    break
                if data[p] > 1:
                    err = BOOLEAN
                    break
                if a >= 0:
                    small[U(base[U(a)] + cursor[U(scope)])] = data[p]
                p += 1
            elif op == ENUM_:
                value, q = read_small(data, p, end)
                if q < 0:
                    err = TRUNCATED if q == -1 else VARINT
                    break
                if value < 0 or value >= code[pc - 1, 4]:
                    err = ENUM
                    break
                p = q
                if a >= 0:
                    longs[U(base[U(a)] + cursor[U(scope)])] = value
            elif op == FIXED:
                size = code[pc - 1, 4]
                if end - p < size:
                    err = TRUNCATED
                    break
                if a >= 0:
                    longs[U(base[U(a)] + cursor[U(scope)])] = p
                    longs[U(base[U(b)] + cursor[U(scope)])] = size
                p += size
            elif op == ARRAY:
                if a >= 0:
                    longs[U(base[U(a)] + cursor[U(scope)])] = 0
            elif op == END:
                if p != end:
                    err = TRAILING
                break
            if op == ARRAY:  # a new array, or the next block of one
                count, q = read_small(data, p, end)
                if q >= 0 and count < 0:
                    count = -count
                    _, q = read_small(data, q, end)  # bytes of the block, not to be trusted
                if q < 0:
                    err = TRUNCATED if q == -1 else VARINT
                    break
                p = q
                if count == 0:
                    pc = code[pc - 1, 4]
                    continue
                least = code[pc - 1, 5]
                if least == 0:
                    empty += count
                if count < 0 or count > end - begin + MOST_EMPTY or empty > MOST_EMPTY:
                    err = COUNT
                    break
                if count * least > end - p:
                    err = COUNT
                    break
                if cursor[b] + 1 + count > caps[b]:
                    need = cursor[b] + 1 + count
                    copy_to(cursor, saved)
                    return i, b, need
                if a >= 0:
                    longs[U(base[U(a)] + cursor[U(scope)])] += count
                back[depth], left[depth] = pc - 1, count
                depth += 1
                cursor[b] += 1
        status[i, 0], status[i, 1] = err, p - begin
        if err:
            copy_to(cursor, saved)
    return len(spans), -1, 0
