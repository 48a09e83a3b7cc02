"""FITS binary tables of plain columns, gzipped or not, as structured arrays.

SNANA writes survey files of a few objects each with headers of hundreds of cards; a general reader
spends 18 ms on such a header, which is most of the time of an import. This one takes binary tables
without scaling or variable-length columns and nothing else (FITS Standard 4.0, section 7.3).
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError

__all__ = ["FitsTable", "read_fits_table", "whole_number"]

LIMIT = 8 << 30
"""Bytes that a file may hold once unpacked: a bound on what a small gzip file can make us allocate."""

_BLOCK = 2880
_CARD = 80
_FORMATS = {"L": "S1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}

Header = dict[str, str | int | float | bool]


@dataclass(frozen=True)
class FitsTable:
    """The primary header of a file, and the header and rows of its first binary table."""

    path: Path
    primary: Header
    header: Header
    rows: NDArray[np.void]


def whole_number(header: Header, key: str, default: int, path: Path) -> int:
    """A whole number of a header, or the default where it has no such card. InputError for anything else."""
    value = header.get(key, default)
    if not isinstance(value, int):
        raise InputError(f"{path}: expected a whole number in {key}, got {value!r}")
    return int(value)


def read_fits_table(path: Path) -> FitsTable:
    """The first binary table of a FITS file; rows are a structured array, big-endian as on disk.

    Raises InputError where the file is missing, truncated, or is no such table.
    """
    content = _unpacked(path)
    primary, at = _header(content, 0, path)
    if primary.get("SIMPLE") is not True:
        raise InputError(f"{path}: expected a FITS file, got something else")
    at += _data_bytes(primary, path)
    header, at = _header(content, at, path)
    if header.get("XTENSION") != "BINTABLE":
        raise InputError(f"{path}: expected a binary table, got {header.get('XTENSION', 'none')}")
    dtype = _row_dtype(header, path)
    n_rows = whole_number(header, "NAXIS2", -1, path)
    if len(content) - at < n_rows * dtype.itemsize:
        raise InputError(
            f"{path}: expected {n_rows} rows of {dtype.itemsize} bytes, "
            f"got {max(len(content) - at, 0)} bytes; the file is truncated"
        )
    return FitsTable(path, primary, header, np.frombuffer(content, dtype, n_rows, at))


def _unpacked(path: Path) -> bytes:
    try:
        too_large = path.stat().st_size > LIMIT
        raw = b"" if too_large else path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: expected a FITS file, got {error.strerror}; check the path") from error
    if too_large:
        raise InputError(f"{path}: expected at most {LIMIT} bytes, got more; split the file")
    if raw[:2] != b"\x1f\x8b":
        content = raw
    else:
        content = b""
        try:
            while raw and len(content) <= LIMIT:  # a gzip file may have several members
                inflate = zlib.decompressobj(31)
                content += inflate.decompress(raw, LIMIT + 1 - len(content))
                if not inflate.eof and not inflate.unconsumed_tail:
                    raise InputError(f"{path}: expected a whole gzip file, got a truncated one")
                raw = inflate.unused_data
        except zlib.error as error:
            raise InputError(f"{path}: expected a whole gzip file, got {error}") from error
    if len(content) > LIMIT:
        raise InputError(f"{path}: expected at most {LIMIT} bytes, got more; split the file")
    return content


def _header(content: bytes, start: int, path: Path) -> tuple[Header, int]:
    """The cards from `start` on, and where the data after them begin."""
    cards: Header = {}
    text_key = ""
    for at in range(start, len(content) - _CARD + 1, _CARD):
        key = content[at : at + 8].rstrip()
        if key == b"END":
            end = at + _CARD
            return cards, end + -(end - start) % _BLOCK
        if content[at + 8 : at + 10] == b"= ":
            text_key = key.decode("latin-1")
            cards[text_key] = _value(content[at + 10 : at + _CARD])
        elif key == b"HIERARCH":  # SNANA's names are longer than the eight letters of a FITS keyword
            name, _, value = content[at + 9 : at + _CARD].partition(b"=")
            text_key = name.decode("latin-1").strip()
            cards[text_key] = _value(value)
        elif key == b"CONTINUE" and isinstance(cards.get(text_key), str):
            more = _value(content[at + 8 : at + _CARD])
            cards[text_key] = str(cards[text_key]).removesuffix("&") + str(more)
    if not cards:
        raise InputError(
            f"{path}: expected a FITS header, got none; the file is truncated or is no FITS file"
        )
    raise InputError(f"{path}: expected a FITS header with an END card, got none; the file is truncated")


@lru_cache(maxsize=8192)  # column names and formats come again in every file
def _value(card: bytes) -> str | int | float | bool:
    text = card.decode("latin-1").strip()
    if text.startswith("'"):
        quoted = re.match(r"'((?:[^']|'')*)'", text)
        return quoted[1].replace("''", "'").rstrip() if quoted else text.strip("'")
    text = text.split("/", 1)[0].strip()
    if text in ("T", "F"):
        return text == "T"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _data_bytes(header: Header, path: Path) -> int:
    """Bytes of the data after a primary header, padded to whole blocks."""
    n_axes = whole_number(header, "NAXIS", 0, path)
    axes = [whole_number(header, f"NAXIS{i + 1}", 0, path) for i in range(min(n_axes, 999))]
    size = abs(whole_number(header, "BITPIX", 8, path)) // 8 * prod(axes) if axes else 0
    return size + -size % _BLOCK


def _row_dtype(header: Header, path: Path) -> np.dtype:
    scaled = sorted(k for k in header if k.startswith(("TSCAL", "TZERO", "TDIM", "THEAP")))
    if scaled:
        raise InputError(f"{path}: expected plain columns, got {scaled[0]}")
    try:
        numbers = range(1, int(header["TFIELDS"]) + 1)
        dtype = _dtype(tuple((str(header[f"TTYPE{i}"]), str(header[f"TFORM{i}"])) for i in numbers))
        if dtype.itemsize == int(header["NAXIS1"]) and int(header["NAXIS2"]) >= 0:
            return dtype
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path}: expected columns with names and plain formats, got {error!r}") from error
    raise InputError(f"{path}: expected rows of {dtype.itemsize} bytes, got {header['NAXIS1']}")


@lru_cache(maxsize=64)
def _dtype(columns: tuple[tuple[str, str], ...]) -> np.dtype:
    fields = []
    for name, form in columns:
        repeat, code = re.match(r"(\d*)([A-Z])", form).groups()  # type: ignore[union-attr]
        width = int(repeat or 1)
        plain = f"S{width}" if code == "A" else _FORMATS[code]
        fields.append((name, plain if code == "A" or width == 1 else f"({width},){plain}"))
    return np.dtype(fields)
