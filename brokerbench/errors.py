"""What can go wrong, as one tree of exceptions.

    BrokerbenchError            every error whose message is written for a person
    ├── ConfigError             a configuration: unknown, missing or mistyped key
    ├── UnknownName             a name that no registry, taxonomy or run holds
    ├── InputError              a file or folder that cannot be read as what it should be
    ├── TableError              a column that is not what its table declares
    ├── TransportError          a topic that cannot be written or read
    └── AccountingError         books that do not balance

A message reads ``where: expected X, got Y; hint``. The command line prints it on one line and
exits with 2; a traceback means a bug in brokerbench.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AccountingError",
    "BrokerbenchError",
    "ConfigError",
    "InputError",
    "TableError",
    "TransportError",
    "UnknownName",
    "did_you_mean",
]


class BrokerbenchError(Exception):
    """An error whose message is written for the person who ran the command."""


class ConfigError(BrokerbenchError):
    """A configuration is wrong; the message names the key by its path."""


class UnknownName(BrokerbenchError):
    """A name is not known; the message gives the nearest known one."""


class InputError(BrokerbenchError):
    """A file or folder cannot be read as what it should be."""


class TableError(BrokerbenchError):
    """A column does not match what its table declares."""


class TransportError(BrokerbenchError):
    """A topic cannot be written to or read from."""


class AccountingError(BrokerbenchError):
    """Messages were lost or counted twice: the books do not balance."""


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """The hint that ends an error about an unknown name: the nearest known one, or all of them."""
    names = sorted(str(k) for k in known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(names)}" if names else "none is known"
