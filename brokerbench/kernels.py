"""What every package needs to keep its compiled kernels."""

from __future__ import annotations

import zlib
from importlib.util import find_spec

from brokerbench.errors import InputError

__all__ = ["source_stamp"]


def source_stamp(*modules: str) -> int:
    """CRC-32 of the source of some modules, the default of a kernel's argument `source`.

    Numba keeps a compiled kernel until the file that it stands in changes; what it has of other files,
    functions and constants, is compiled into it all the same. The default of an argument is part of
    what numba keeps a kernel under. InputError for a module without source.
    """
    crc = 0
    for name in modules:
        spec = find_spec(name)
        read = getattr(spec and spec.loader, "get_data", None)
        if spec is None or spec.origin is None or read is None:
            raise InputError(f"source_stamp: expected a module with source, got {name!r}")
        crc = zlib.crc32(read(spec.origin), crc)
    return crc
