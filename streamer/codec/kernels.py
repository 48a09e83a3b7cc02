"""The loop that runs programs to decode: packets into columns."""

from __future__ import annotations

from typing import Any

import numba

from streamer.codec.program import (
    ARRAY,
    BYTES,
    DEEP,
    DOUBLE,
    ENTER,
    FIXED,
    FLOAT,
    JUMP,
    LONG,
    NEXT,
    OPTIONAL,
    SKIP,
    STRING,
    UNION,
)
from streamer.codec.program import (
    BOOLEAN as BOOL,
)
from streamer.codec.program import (
    ENUM as ENUM_,
)
from streamer.codec.wire import (
    LEAN,
    SOURCE,
    copy,
    is_utf8,
    load,
    place,
    read_long,
    row_at,
    skip_long,
    slow_long,
    store,
    u4_at,
    word_at,
)

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
MOST_EMPTY = 65_536
"""Items without bytes (nulls, empty records) that one packet may hold."""


@numba.njit(nogil=True, **LEAN)
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
    source: Any = SOURCE,
) -> Any:
    """Decode packets first.. into the pools; (next packet, scope to enlarge or -1, items it needs).

    spans i8[n, 2]: where each packet begins and ends in data. cursor i8[scopes]: item of each scope.
    status i8[n, 2]: error and position of each packet; a packet in error leaves nothing behind.
    pools: i8, f8 (as u8), f4 (as u4) and u1 arrays.
    """
    longs, doubles, floats, small = pools
    scopes = (len(cursor) - 2 * DEEP) >> 1
    back, left = 2 * scopes - 1, 2 * scopes + DEEP - 1
    for i in range(first, len(spans)):
        copy(cursor, scopes, cursor, 0, scopes)
        store(cursor, 0, load(cursor, 0) + 1)
        begin, end = load(spans, 2 * i), load(spans, 2 * i + 1)
        p = begin
        pc, err, empty, depth, again = 0, 0, 0, 0, False
        while True:
            op, a, b, scope, x, y = row_at(code, pc)
            here = place(base, a, cursor, scope)
            pc += 1
            if op >= OPTIONAL:
                if p >= end:
                    err = TRUNCATED
                    break
                branch = load(data, p)
                q = p + 1
                if branch & ~2:  # a number written longer than it need be, or no branch at all
                    branch, q = slow_long(data, p, end)
                    if q < 0 or branch < 0 or branch > 1:
                        err = BRANCH
                        break
                    branch = 2 * branch
                p = q
                branch = branch >> 1
                if b >= 0:
                    store(small, place(base, b, cursor, scope), branch)
                op -= OPTIONAL
                b = y
                if branch == x:
                    if a < 0:
                        continue
                    if op == FLOAT:
                        store(floats, here, 0x7FC00000)
                    elif op == DOUBLE:
                        store(doubles, here, 0x7FF8000000000000)
                    elif op == BOOL:
                        store(small, here, 0)
                    else:
                        store(longs, here, 0)
                        if b >= 0:
                            store(longs, place(base, b, cursor, scope), 0)
                    continue
            if op <= UNION:
                number, q = read_long(data, p, end)
                if op == ARRAY and number < 0:
                    number = -number
                    if q >= 0:
                        _, q = slow_long(data, q, end)  # bytes of the block, not to be trusted
                if q < 0:
                    err = TRUNCATED if q == -1 else VARINT
                    break
                if op == LONG:
                    if a >= 0:
                        store(longs, here, number)
                    p = q
                elif op in (STRING, BYTES):
                    p = q
                    if number < 0 or number > end - q:
                        err = LENGTH
                        break
                    if op == STRING and not is_utf8(data, q, number):
                        err = UTF8
                        break
                    if a >= 0:
                        store(longs, here, q)
                        store(longs, place(base, b, cursor, scope), number)
                    p += number
                elif op == ARRAY:
                    p = q
                    if a >= 0:
                        store(longs, here, number + (load(longs, here) if again else 0))
                    again = False
                    if number == 0:
                        pc = x
                        continue
                    if y == 0:
                        empty += number
                    if number < 0 or number > end - begin + MOST_EMPTY or empty > MOST_EMPTY:
                        err = COUNT
                        break
                    if number * y > end - p:
                        err = COUNT
                        break
                    need = load(cursor, b) + 1 + number
                    if need > load(caps, b):
                        copy(cursor, 0, cursor, scopes, scopes)
                        return i, b, need
                    depth += 1
                    store(cursor, back + depth, pc - 1)
                    store(cursor, left + depth, number)
                    store(cursor, b, load(cursor, b) + 1)
                elif number < 0 or number >= x:
                    err = ENUM if op == ENUM_ else BRANCH
                    break
                else:
                    p = q
                    if op == UNION:
                        if a >= 0:
                            store(small, here, number)
                        pc = load(jumps, b + number)
                    elif a >= 0:
                        store(longs, here, number)
            elif op == FLOAT:
                while end - p >= 4:  # fluxes and their errors come one behind the other
                    if a >= 0:
                        store(floats, here, u4_at(data, p))
                    p += 4
                    if load(code, 6 * pc) != FLOAT:
                        break
                    a = load(code, 6 * pc + 1)
                    here = place(base, a, cursor, load(code, 6 * pc + 3))
                    pc += 1
                else:
                    err = TRUNCATED
                    break
            elif op == DOUBLE:
                if end - p < 8:
                    err = TRUNCATED
                    break
                if a >= 0:
                    store(doubles, here, word_at(data, p))
                p += 8
            elif op == NEXT:
                number = load(cursor, left + depth) - 1
                store(cursor, left + depth, number)
                if number > 0:
                    store(cursor, b, load(cursor, b) + 1)
                    pc = x
                else:  # is there another block?
                    again = True
                    pc = load(cursor, back + depth)
                    depth -= 1
            elif op == SKIP:
                q = p
                for _ in range(x):
                    q = skip_long(data, q, end)
                    if q < 0:
                        break
                if q < 0:
                    err = TRUNCATED if q == -1 else VARINT
                    break
                p = q
            elif op == ENTER:
                store(cursor, scope, load(cursor, scope) + 1)
            elif op == JUMP:
                pc = x
            elif op == BOOL:
                if p >= end:
                    err = TRUNCATED
                    break
                number = load(data, p)
                if number > 1:
                    err = BOOLEAN
                    break
                if a >= 0:
                    store(small, here, number)
                p += 1
            elif op == FIXED:
                if end - p < x:
                    err = TRUNCATED
                    break
                if a >= 0:
                    store(longs, here, p)
                    store(longs, place(base, b, cursor, scope), x)
                p += x
            else:
                if p != end:
                    err = TRAILING
                break
        store(status, 2 * i, err)
        store(status, 2 * i + 1, p - begin)
        if err:
            copy(cursor, 0, cursor, scopes, scopes)
    return len(spans), -1, 0
