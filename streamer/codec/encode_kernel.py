"""The loop that runs programs to encode: columns into packets."""

from __future__ import annotations

from typing import Any

import numba

from streamer.codec.program import (
    ARRAY,
    BOOLEAN,
    BYTES,
    DEEP,
    DOUBLE,
    ENTER,
    FIXED,
    FLOAT,
    JUMP,
    NEXT,
    NULL_BRANCH,
    OPTIONAL,
    SPLICE,
    SPLICE_ARRAY,
    STRING,
    UNION,
)
from streamer.codec.wire import LEAN, SOURCE, copy, load, place, put_long, put_u4, put_word, row_at, store

__all__ = ["encode"]

OPT_FLOAT, OPT_DOUBLE = OPTIONAL + FLOAT, OPTIONAL + DOUBLE


@numba.njit(nogil=True, **LEAN)
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
    source: Any = SOURCE,
) -> Any:
    """Encode packets rows[0]..rows[1] into out; the number encoded before out was full.

    prefix u1: bytes in front of every packet. cursor i8: item of each scope, room for as many and for
    2 DEEP numbers more.
    blob u1: bytes of strings. ready: what is spliced, (bytes u1, item starts i8, where the starts of
    node k begin i8[k], first i8[k, n], last i8[k, n]): its value n is items first..last.
    """
    longs, doubles, floats, small = pools
    items, starts, table, firsts, lasts = ready
    width = firsts.shape[1]
    scopes = (len(cursor) - 2 * DEEP) >> 1
    back, left = 2 * scopes - 1, 2 * scopes + DEEP - 1
    room = len(out) - 24
    at = load(offsets, 0)
    begin, stop = load(rows, 0), load(rows, 1)
    for i in range(begin, stop):
        copy(cursor, scopes, cursor, 0, scopes)
        store(cursor, 0, load(cursor, 0) + 1)
        pc, depth = 0, 0
        full = at + len(prefix) > room
        if not full:
            copy(out, at, prefix, 0, len(prefix))
            at += len(prefix)
        while not full:
            if at > room:
                full = True
                break
            op, a, b, scope, x, y = row_at(code, pc)
            here = place(base, a, cursor, scope)
            pc += 1
            if op >= OPTIONAL:
                if b >= 0:
                    null = load(small, place(base, b, cursor, scope)) == x
                elif op == OPT_FLOAT:
                    null = load(floats, here) & 0x7FFFFFFF > 0x7F800000
                elif op == OPT_DOUBLE:
                    null = load(doubles, here) & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000
                else:
                    null = False
                store(out, at, 2 * x if null else 2 - 2 * x)
                at += 1
                if null:
                    continue
                op -= OPTIONAL
                b = y
            if op <= UNION:
                number = y
                if op == UNION:
                    if a >= 0:
                        number = load(small, here)
                    pc = load(jumps, b + number)
                elif op in (STRING, BYTES):
                    number = load(longs, place(base, b, cursor, scope))
                else:
                    number = load(longs, here)
                at = put_long(out, at, number)
                if op == ARRAY:
                    if number == 0:
                        pc = x
                    else:
                        depth += 1
                        store(cursor, back + depth, pc)
                        store(cursor, left + depth, number)
                        store(cursor, b, load(cursor, b) + 1)
                elif op in (STRING, BYTES):
                    if at + number > room:
                        full = True
                        break
                    copy(out, at, blob, load(longs, here), number)
                    at += number
            elif op == FLOAT:
                put_u4(out, at, load(floats, here))
                at += 4
            elif op == DOUBLE:
                put_word(out, at, load(doubles, here))
                at += 8
            elif op in (SPLICE, SPLICE_ARRAY):
                n = b * width + load(cursor, scope)
                first, last, row = load(firsts, n), load(lasts, n), load(table, b)
                low = load(starts, row + first)
                size = load(starts, row + last) - low
                if at + size > room:
                    full = True
                    break
                if op == SPLICE_ARRAY and last > first:
                    at = put_long(out, at, last - first)
                copy(out, at, items, low, size)
                at += size
                if op == SPLICE_ARRAY:
                    store(out, at, 0)
                    at += 1
            elif op == NULL_BRANCH:
                store(out, at, 2 * x)
                at += 1
            elif op == NEXT:
                number = load(cursor, left + depth) - 1
                store(cursor, left + depth, number)
                if number > 0:
                    store(cursor, b, load(cursor, b) + 1)
                    pc = x
                else:
                    depth -= 1
                    store(out, at, 0)
                    at += 1
            elif op == ENTER:
                store(cursor, scope, load(cursor, scope) + 1)
            elif op == JUMP:
                pc = x
            elif op == BOOLEAN:
                store(out, at, load(small, here))
                at += 1
            elif op == FIXED:
                if at + x > room:
                    full = True
                    break
                copy(out, at, blob, load(longs, here), x)
                at += x
            else:
                break
        if full:
            copy(cursor, 0, cursor, scopes, scopes)
            return i - begin
        store(offsets, i - begin + 1, at)
    return stop - begin
