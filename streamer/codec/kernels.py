"""The loops that run programs: packets into columns, columns into packets."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from streamer.codec import program as P

__all__ = ["ERRORS", "decode", "encode"]

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

(END, LONG, FLOAT, DOUBLE, BOOL, BYTES, STRING, FIXED, ENUM_, UNION, ENTER, JUMP, ARRAY, NEXT) = range(14)
(OPT_LONG, OPT_FLOAT, OPT_DOUBLE, OPT_BOOL, OPT_BYTES, OPT_STRING) = range(14, 20)
(SPLICE, SPLICE_ARRAY, NULL_BRANCH) = range(20, 23)
assert (P.NEXT, P.OPT_LONG, P.OPT_STRING, P.NULL_BRANCH) == (13, 14, 19, 22)


def _load_word(typing: Any, data: Any, p: Any) -> Any:
    """The eight bytes at data[p] as a little-endian number, aligned or not, in one load."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        at = builder.gep(array.data, [arguments[1]])
        word = builder.bitcast(at, ir.IntType(64).as_pointer())
        return builder.load(word, align=1)

    return types.uint64(data, types.intp), generate


_word: Any = intrinsic(_load_word)

HIGH = np.uint64(0x8080808080808080)


@numba.njit(inline="always")
def _bytes_of(word: Any) -> Any:
    """How many of the eight bytes the number takes that begins a word; 9 for more than eight."""
    ends = ~word & HIGH
    low = ends & (~ends + np.uint64(1))
    if low == np.uint64(0):
        return np.int64(9)
    n = np.int64(1)
    for k in range(7):
        n += np.int64(low > (np.uint64(0x80) << np.uint64(8 * k)))
    return n


@numba.njit(cache=True)
def _slow_long(data: Any, p: Any, end: Any) -> Any:
    """(value, next position); position -1 at the end of the packet, -2 for more than 64 bits."""
    value, shift = np.uint64(0), np.uint64(0)
    at = p
    while True:
        if at >= end:
            at = -1
            break
        byte = np.uint64(data[at])
        at += 1
        if shift == np.uint64(63) and byte > np.uint64(1):
            at = -2
            break
        value |= (byte & np.uint64(127)) << shift
        if byte < np.uint64(128):
            break
        shift += np.uint64(7)
    return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1)), at


@numba.njit(inline="always")
def _long(data: Any, p: Any, end: Any) -> Any:
    """_slow_long; eight bytes at once where the packet has so many left."""
    if p < end and data[p] < 128:
        byte = np.int64(data[p])
        return (byte >> 1) ^ -(byte & 1), p + 1
    if end - p >= 8:
        v = _word(data, p)
        n = _bytes_of(v)
        if n <= 8:
            v &= ~np.uint64(0) >> np.uint64(64 - 8 * n)
            v = (v & np.uint64(0x007F007F007F007F)) | ((v & np.uint64(0x7F007F007F007F00)) >> np.uint64(1))
            v = (v & np.uint64(0x00003FFF00003FFF)) | ((v & np.uint64(0x3FFF00003FFF0000)) >> np.uint64(2))
            v = (v & np.uint64(0x000000000FFFFFFF)) | ((v & np.uint64(0x0FFFFFFF00000000)) >> np.uint64(4))
            return np.int64(v >> np.uint64(1)) ^ -np.int64(v & np.uint64(1)), p + n
    return _slow_long(data, p, end)


@numba.njit(inline="always")
def _skip_long(data: Any, p: Any, end: Any) -> Any:
    """The position behind a number; -1 and -2 as of _slow_long."""
    if end - p >= 8:
        n = _bytes_of(_word(data, p))
        if n <= 8:
            return p + n
    _, at = _slow_long(data, p, end)
    return at


@numba.njit(inline="always")
def _u4(data: Any, p: Any) -> Any:
    return (
        np.uint32(data[p])
        | (np.uint32(data[p + 1]) << np.uint32(8))
        | (np.uint32(data[p + 2]) << np.uint32(16))
        | (np.uint32(data[p + 3]) << np.uint32(24))
    )


@numba.njit(cache=True)
def _is_utf8(data: Any, p: Any, size: Any) -> Any:
    i, end = p, p + size
    while i < end:
        c = data[i]
        if c < 0x80:
            i += 1
            continue
        if 0xC2 <= c <= 0xDF:
            more, low, high = 1, 0x80, 0xBF
        elif 0xE0 <= c <= 0xEF:
            more = 2
            low = 0xA0 if c == 0xE0 else 0x80
            high = 0x9F if c == 0xED else 0xBF
        elif 0xF0 <= c <= 0xF4:
            more = 3
            low = 0x90 if c == 0xF0 else 0x80
            high = 0x8F if c == 0xF4 else 0xBF
        else:
            return False
        if i + more >= end:
            return False
        if data[i + 1] < low or data[i + 1] > high:
            return False
        for k in range(2, more + 1):
            if data[i + k] < 0x80 or data[i + k] > 0xBF:
                return False
        i += more + 1
    return True


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
    saved = cursor.copy()
    depth = 0
    back, left, of = np.empty(64, "i8"), np.empty(64, "i8"), np.empty(64, "i8")
    for i in range(first, len(spans)):
        saved[:] = cursor
        p, end = spans[i, 0], spans[i, 1]
        begin = p
        pc, err, empty, depth = 0, 0, 0, 0
        cursor[0] += 1
        while True:
            op, a, b, scope = code[pc, 0], code[pc, 1], code[pc, 2], code[pc, 3]
            pc += 1
            null = False
            if op >= OPT_LONG:
                if p >= end:
                    err = TRUNCATED
                    break
                branch = np.int64(data[p]) >> 1
                if data[p] == 0 or data[p] == 2:
                    p += 1
                else:  # a number written longer than it need be, or no branch at all
                    branch, q = _long(data, p, end)
                    if q < 0 or branch < 0 or branch > 1:
                        err = BRANCH
                        break
                    p = q
                if b >= 0:
                    small[base[b] + cursor[scope]] = branch
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
                b = code[pc - 1, 5]
            if op == LONG:
                if a < 0:
                    q = _skip_long(data, p, end)
                else:
                    value, q = _long(data, p, end)
                    longs[base[a] + cursor[scope]] = value
                if q < 0:
                    err = TRUNCATED if q == -1 else VARINT
                    break
                p = q
            elif op == FLOAT:
                if end - p < 4:
                    err = TRUNCATED
                    break
                if a >= 0:
                    floats[base[a] + cursor[scope]] = _u4(data, p)
                p += 4
            elif op == DOUBLE:
                if end - p < 8:
                    err = TRUNCATED
                    break
                if a >= 0:
                    doubles[base[a] + cursor[scope]] = _word(data, p)
                p += 8
            elif op in (STRING, BYTES):
                size, q = _long(data, p, end)
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
                    and not _is_utf8(data, q, size)
                ):
                    err = UTF8
                    p = q
                    break
                if a >= 0:
                    longs[base[a] + cursor[scope]] = q
                    longs[base[b] + cursor[scope]] = size
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
                branch64, q = _long(data, p, end)
                if q < 0:
                    err = TRUNCATED if q == -1 else VARINT
                    break
                if branch64 < 0 or branch64 >= code[pc - 1, 4]:
                    err = BRANCH
                    break
                p = q
                if a >= 0:
                    small[base[a] + cursor[scope]] = branch64
                pc = jumps[b + branch64]
            elif op == BOOL:
                if p >= end:
                    err = TRUNCATED
                    break
                if data[p] > 1:
                    err = BOOLEAN
                    break
                if a >= 0:
                    small[base[a] + cursor[scope]] = data[p]
                p += 1
            elif op == ENUM_:
                value, q = _long(data, p, end)
                if q < 0:
                    err = TRUNCATED if q == -1 else VARINT
                    break
                if value < 0 or value >= code[pc - 1, 4]:
                    err = ENUM
                    break
                p = q
                if a >= 0:
                    longs[base[a] + cursor[scope]] = value
            elif op == FIXED:
                size = code[pc - 1, 4]
                if end - p < size:
                    err = TRUNCATED
                    break
                if a >= 0:
                    longs[base[a] + cursor[scope]] = p
                    longs[base[b] + cursor[scope]] = size
                p += size
            elif op == ARRAY:
                if a >= 0:
                    longs[base[a] + cursor[scope]] = 0
            elif op == END:
                if p != end:
                    err = TRAILING
                break
            if op == ARRAY:  # a new array, or the next block of one
                count, q = _long(data, p, end)
                if q >= 0 and count < 0:
                    count = -count
                    _, q = _long(data, q, end)  # bytes of the block, not to be trusted
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
                    cursor[:] = saved
                    return i, b, need
                if a >= 0:
                    longs[base[a] + cursor[scope]] += count
                back[depth], left[depth], of[depth] = pc - 1, count, b
                depth += 1
                cursor[b] += 1
        status[i, 0], status[i, 1] = err, p - begin
        if err:
            cursor[:] = saved
    return len(spans), -1, 0


@numba.njit(inline="always")
def _put_long(out: Any, at: Any, value: Any) -> Any:
    zigzag = np.uint64((value << 1) ^ (value >> 63))
    while zigzag > np.uint64(127):
        out[at] = np.uint8(zigzag & np.uint64(127)) | np.uint8(128)
        zigzag = zigzag >> np.uint64(7)
        at += 1
    out[at] = np.uint8(zigzag)
    return at + 1


@numba.njit(inline="always")
def _put_u4(out: Any, at: Any, bits: Any) -> None:
    out[at] = np.uint8(bits & np.uint32(255))
    out[at + 1] = np.uint8((bits >> np.uint32(8)) & np.uint32(255))
    out[at + 2] = np.uint8((bits >> np.uint32(16)) & np.uint32(255))
    out[at + 3] = np.uint8(bits >> np.uint32(24))


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
    saved = cursor.copy()
    back, left = np.empty(64, "i8"), np.empty(64, "i8")
    at = offsets[0]
    for i in range(rows[0], rows[1]):
        saved[:] = cursor
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
                at = _put_long(out, at, longs[base[a] + cursor[scope]])
            elif op == FLOAT:
                _put_u4(out, at, floats[base[a] + cursor[scope]])
                at += 4
            elif op == DOUBLE:
                bits = doubles[base[a] + cursor[scope]]
                _put_u4(out, at, np.uint32(bits & np.uint64(0xFFFFFFFF)))
                _put_u4(out, at + 4, np.uint32(bits >> np.uint64(32)))
                at += 8
            elif op in (SPLICE, SPLICE_ARRAY):
                n = cursor[scope]
                low = starts[table[a] + firsts[a, n]]
                high = starts[table[a] + lasts[a, n]]
                if at + 24 + high - low > room:
                    full = True
                    break
                if op == SPLICE_ARRAY and lasts[a, n] > firsts[a, n]:
                    at = _put_long(out, at, lasts[a, n] - firsts[a, n])
                out[at : at + high - low] = items[low:high]
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
                    at = _put_long(out, at, size)
                for k in range(size):
                    out[at + k] = blob[low + k]
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
                at = _put_long(out, at, branch)
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
                    at = _put_long(out, at, count)
                    back[depth], left[depth] = pc, count
                    depth += 1
                    cursor[b] += 1
            elif op == END:
                break
        if full:
            cursor[:] = saved
            return i - rows[0]
        offsets[i - rows[0] + 1] = at
    return rows[1] - rows[0]
