"""Numbers and texts of Avro on the wire, for the kernels."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = [
    "copy_bytes",
    "copy_to",
    "is_utf8",
    "put_long",
    "put_u4",
    "read_long",
    "read_small",
    "skip_long",
    "u4_at",
    "word_at",
]


def _loader(bits: int) -> Any:
    """An intrinsic: the bytes at data[p] as a little-endian number, aligned or not, in one load."""

    def load(typing: Any, data: Any, p: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            at = builder.gep(array.data, [arguments[1]])
            word = builder.bitcast(at, ir.IntType(bits).as_pointer())
            return builder.load(word, align=1)

        return (types.uint64 if bits == 64 else types.uint32)(data, types.intp), generate

    return intrinsic(load)


word_at: Any = _loader(64)
u4_at: Any = _loader(32)


def count_zeros(typing: Any, word: Any) -> Any:
    """How many bits below the lowest one that is set; of no meaning for 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


zeros_below: Any = intrinsic(count_zeros)

HIGH = np.uint64(0x8080808080808080)


@numba.njit(inline="always")
def bytes_of(word: Any) -> Any:
    """How many of the eight bytes the number takes that begins a word; 9 for more than eight."""
    ends = ~word & HIGH
    if ends == np.uint64(0):
        return np.int64(9)
    return (zeros_below(ends) >> 3) + 1


@numba.njit(cache=True)
def slow_long(data: Any, p: Any, end: Any) -> Any:
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
def read_long(data: Any, p: Any, end: Any) -> Any:
    """slow_long; eight bytes at once where the packet has so many left."""
    if p < end and data[p] < 128:
        byte = np.int64(data[p])
        return (byte >> 1) ^ -(byte & 1), p + 1
    if end - p >= 8:
        v = word_at(data, p)
        n = bytes_of(v)
        if n <= 8:
            v &= ~np.uint64(0) >> np.uint64(64 - 8 * n)
            v = (v & np.uint64(0x007F007F007F007F)) | ((v & np.uint64(0x7F007F007F007F00)) >> np.uint64(1))
            v = (v & np.uint64(0x00003FFF00003FFF)) | ((v & np.uint64(0x3FFF00003FFF0000)) >> np.uint64(2))
            v = (v & np.uint64(0x000000000FFFFFFF)) | ((v & np.uint64(0x0FFFFFFF00000000)) >> np.uint64(4))
            return np.int64(v >> np.uint64(1)) ^ -np.int64(v & np.uint64(1)), p + n
    return slow_long(data, p, end)


@numba.njit(inline="always")
def read_small(data: Any, p: Any, end: Any) -> Any:
    """slow_long; quick for one byte alone: lengths, counts and branches. Compiles in a third of the time."""
    if p < end and data[p] < 128:
        byte = np.int64(data[p])
        return (byte >> 1) ^ -(byte & 1), p + 1
    return slow_long(data, p, end)


@numba.njit(inline="always")
def skip_long(data: Any, p: Any, end: Any) -> Any:
    """The position behind a number; -1 and -2 as of slow_long."""
    if end - p >= 8:
        n = bytes_of(word_at(data, p))
        if n <= 8:
            return p + n
    _, at = slow_long(data, p, end)
    return at


@numba.njit(cache=True)
def is_utf8(data: Any, p: Any, size: Any) -> Any:
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


@numba.njit(cache=True)
def copy_to(to: Any, numbers: Any) -> None:
    """A slice assigned would do; the tests for overlap take longer than the few numbers, and to compile."""
    for k in range(len(numbers)):
        to[k] = numbers[k]


def copy_memory(typing: Any, to: Any, at: Any, data: Any, start: Any, size: Any) -> Any:
    """to[at : at + size] = data[start : start + size] of arrays apart; compiles in no time, unlike slices."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out = context.make_array(signature.args[0])(context, builder, arguments[0])
        source = context.make_array(signature.args[2])(context, builder, arguments[2])
        target = builder.gep(out.data, [arguments[1]])
        cgutils.raw_memcpy(builder, target, builder.gep(source.data, [arguments[3]]), arguments[4], 1)
        return context.get_dummy_value()

    return types.void(to, types.intp, data, types.intp, types.intp), generate


copy_bytes: Any = intrinsic(copy_memory)


@numba.njit(inline="always")
def put_long(out: Any, at: Any, value: Any) -> Any:
    zigzag = np.uint64((value << 1) ^ (value >> 63))
    while zigzag > np.uint64(127):
        out[at] = np.uint8(zigzag & np.uint64(127)) | np.uint8(128)
        zigzag = zigzag >> np.uint64(7)
        at += 1
    out[at] = np.uint8(zigzag)
    return at + 1


@numba.njit(inline="always")
def put_u4(out: Any, at: Any, bits: Any) -> None:
    out[at] = np.uint8(bits & np.uint32(255))
    out[at + 1] = np.uint8((bits >> np.uint32(8)) & np.uint32(255))
    out[at + 2] = np.uint8((bits >> np.uint32(16)) & np.uint32(255))
    out[at + 3] = np.uint8(bits >> np.uint32(24))
