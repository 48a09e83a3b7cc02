"""Numbers and texts of Avro on the wire, for the kernels.

Numba takes its time to compile for every operation in the source, so what the kernels do often is one
intrinsic. Intrinsics take indices as they are: none counts from the end, none is tested.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from brokerbench.kernels import source_stamp

__all__ = [
    "LEAN",
    "SOURCE",
    "copy",
    "is_utf8",
    "load",
    "place",
    "put_long",
    "read_long",
    "row_at",
    "skip_long",
    "slow_long",
    "store",
    "u4_at",
    "word_at",
]

LEAN: Any = {"cache": True, "no_cfunc_wrapper": True, "no_rewrites": True}
"""What halves the time to compile: no entry for C, no search for array expressions."""
SOURCE = source_stamp("streamer.codec.wire", "streamer.codec.program")
"""Of what the kernels hold of other files."""


def _pointer(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


def _loader(bits: int) -> Any:
    """An intrinsic: the bytes at data[p] as a little-endian number, aligned or not, in one load."""

    def read(typing: Any, data: Any, p: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            at = _pointer(context, builder, signature.args[0], *arguments)
            return builder.load(builder.bitcast(at, ir.IntType(bits).as_pointer()), align=1)

        return (types.uint64 if bits == 64 else types.uint32)(data, types.intp), generate

    return intrinsic(read)


def _storer(bits: int) -> Any:
    """An intrinsic: the lowest bytes of a number at out[p], little-endian, aligned or not."""

    def write(typing: Any, out: Any, p: Any, number: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            at = _pointer(context, builder, signature.args[0], *arguments[:2])
            word = ir.IntType(bits)
            value = arguments[2] if bits == 64 else builder.trunc(arguments[2], word)
            builder.store(value, builder.bitcast(at, word.as_pointer()), align=1)
            return context.get_dummy_value()

        return types.void(out, types.intp, types.int64), generate

    return intrinsic(write)


word_at: Any = _loader(64)
u4_at: Any = _loader(32)
put_word: Any = _storer(64)
put_u4: Any = _storer(32)


def load_number(typing: Any, array: Any, i: Any) -> Any:
    """array[i] of integers as a signed number of 64 bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        value = builder.load(_pointer(context, builder, kind, *arguments))
        return context.cast(builder, value, kind.dtype, types.int64)

    return types.int64(array, types.intp), generate


def store_number(typing: Any, array: Any, i: Any, value: Any) -> Any:
    """array[i] = value, of integers; the bits of value that fit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        at = _pointer(context, builder, kind, *arguments[:2])
        builder.store(context.cast(builder, arguments[2], value, kind.dtype), at)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


def program_row(typing: Any, code: Any, pc: Any) -> Any:
    """The six numbers of code[pc]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first = builder.mul(arguments[1], ir.Constant(ir.IntType(64), 6))
        at = _pointer(context, builder, signature.args[0], arguments[0], first)
        values = [builder.load(builder.gep(at, [ir.Constant(ir.IntType(64), k)])) for k in range(6)]
        return context.make_tuple(builder, signature.return_type, values)

    return types.UniTuple(types.int64, 6)(code, types.intp), generate


def place_of(typing: Any, base: Any, slot: Any, cursor: Any, scope: Any) -> Any:
    """base[slot] + cursor[scope]: where the current item of a column lies in its pool; slot -1 is base[0]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(ir.IntType(64), 0)
        slot = builder.select(builder.icmp_signed("<", arguments[1], zero), zero, arguments[1])
        start = builder.load(_pointer(context, builder, signature.args[0], arguments[0], slot))
        item = builder.load(_pointer(context, builder, signature.args[2], *arguments[2:]))
        return builder.add(start, item)

    return types.int64(base, types.intp, cursor, types.intp), generate


def eight_bytes_long(typing: Any, data: Any, p: Any) -> Any:
    """(value, bytes) of the number at data[p], where eight bytes can be read; 9 bytes for a longer one."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def number(value: int) -> Any:
            return ir.Constant(ir.IntType(64), value)

        at = _pointer(context, builder, signature.args[0], *arguments)
        v = builder.load(builder.bitcast(at, ir.IntType(64).as_pointer()), align=1)
        ends = builder.and_(builder.not_(v), number(0x8080808080808080))
        v = builder.and_(v, builder.xor(ends, builder.sub(ends, number(1))))  # no bytes behind the last one
        for low, high, bits in _SQUEEZES:  # the gaps of the highest bits go, two by two
            moved = builder.lshr(builder.and_(v, number(high)), number(bits))
            v = builder.or_(builder.and_(v, number(low)), moved)
        value = builder.xor(builder.lshr(v, number(1)), builder.neg(builder.and_(v, number(1))))
        zeros = builder.cttz(ends, ir.Constant(ir.IntType(1), 0))
        size = builder.add(builder.lshr(zeros, number(3)), number(1))
        return context.make_tuple(builder, signature.return_type, [value, size])

    return types.UniTuple(types.int64, 2)(data, types.intp), generate


_SQUEEZES = (
    (0x007F007F007F007F, 0x7F007F007F007F00, 1),
    (0x00003FFF00003FFF, 0x3FFF00003FFF0000, 2),
    (0x000000000FFFFFFF, 0x0FFFFFFF00000000, 4),
)


def copy_memory(typing: Any, to: Any, at: Any, source: Any, start: Any, size: Any) -> Any:
    """to[at : at + size] = source[start : start + size] of arrays apart; slices take long to compile."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = _pointer(context, builder, signature.args[0], *arguments[:2])
        origin = _pointer(context, builder, signature.args[2], *arguments[2:4])
        item = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
        cgutils.raw_memcpy(builder, target, origin, arguments[4], item)
        return context.get_dummy_value()

    return types.void(to, types.intp, source, types.intp, types.intp), generate


load: Any = intrinsic(load_number)
store: Any = intrinsic(store_number)
row_at: Any = intrinsic(program_row)
place: Any = intrinsic(place_of)
quick_long: Any = intrinsic(eight_bytes_long)
copy: Any = intrinsic(copy_memory)

ZERO, ONE, SEVEN, LAST = np.uint64(0), np.uint64(1), np.uint64(7), np.uint64(63)
LOW, MORE = np.uint64(127), np.uint64(128)


@numba.njit(**LEAN)
def slow_long(data: Any, p: Any, end: Any) -> Any:
    """(value, next position); position -1 at the end of the packet, -2 for more than 64 bits."""
    value, shift = ZERO, ZERO
    while p < end:
        byte = np.uint64(load(data, p))
        p += 1
        if shift == LAST and byte > ONE:
            return 0, -2
        value |= (byte & LOW) << shift
        if byte < MORE:
            return np.int64(value >> ONE) ^ -np.int64(value & ONE), p
        shift += SEVEN
    return 0, -1


@numba.njit(inline="always")
def read_long(data: Any, p: Any, end: Any) -> Any:
    """slow_long; eight bytes at once where the packet has so many left."""
    if p < end:
        byte = load(data, p)
        if byte < 128:
            return (byte >> 1) ^ -(byte & 1), p + 1
    if end - p >= 8:
        value, n = quick_long(data, p)
        if n <= 8:
            return value, p + n
    return slow_long(data, p, end)


@numba.njit(inline="always")
def skip_long(data: Any, p: Any, end: Any) -> Any:
    """The position behind a number; -1 and -2 as of slow_long."""
    if end - p >= 8:
        n = quick_long(data, p)[1]
        if n <= 8:
            return p + n
    return slow_long(data, p, end)[1]


def utf8_steps() -> Any:
    """u1[9 * 256]: the next state of a reader of UTF-8 by state and byte; 0 between letters, 8 for wrong.

    States 1, 2, 3: so many more bytes of 0x80..0xBF. States 4..7: the byte behind E0, ED, F0, F4, whose
    range is narrower (no letter longer than it need be, no surrogate, none above U+10FFFF; RFC 3629).
    """
    steps = np.full((9, 256), 8, "u1")
    steps[0, :0x80] = 0
    for first, last, state in ((0xC2, 0xDF, 1), (0xE1, 0xEF, 2), (0xF1, 0xF3, 3)):
        steps[0, first : last + 1] = state
    for state, byte in ((4, 0xE0), (5, 0xED), (6, 0xF0), (7, 0xF4)):
        steps[0, byte] = state
    for state, low, high, after in (
        (1, 0x80, 0xBF, 0),
        (2, 0x80, 0xBF, 1),
        (3, 0x80, 0xBF, 2),
        (4, 0xA0, 0xBF, 1),
        (5, 0x80, 0x9F, 1),
        (6, 0x90, 0xBF, 2),
        (7, 0x80, 0x8F, 2),
    ):
        steps[state, low : high + 1] = after
    return steps.reshape(-1)


STEPS = utf8_steps()


@numba.njit(inline="always")
def is_utf8(data: Any, p: Any, size: Any) -> Any:
    state = 0
    for k in range(p, p + size):
        state = load(STEPS, state * 256 + load(data, k))
    return state == 0


@numba.njit(inline="always")
def put_long(out: Any, at: Any, value: Any) -> Any:
    zigzag = np.uint64((value << 1) ^ (value >> 63))
    while zigzag > LOW:
        store(out, at, zigzag | MORE)
        zigzag = zigzag >> SEVEN
        at += 1
    store(out, at, zigzag)
    return at + 1
