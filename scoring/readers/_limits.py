"""Files opened with a stated limit: an archive that unpacks to more is refused, never read to its end."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from brokerbench.errors import InputError
from scoring.submission import Policy

__all__ = ["MEMBER_BYTES", "Meter", "members", "open_bytes"]

MEMBER_BYTES = 1 << 30
"""Most bytes of one member of an archive."""


class Meter:
    """Counts decompressed bytes of one submission. InputError beyond the policy's limit."""

    def __init__(self, path: Path, policy: Policy) -> None:
        self._path, self._left = path, int(policy.max_gib * (1 << 30))
        self._limit = policy.max_gib

    def spend(self, n: int) -> None:
        """Count n bytes more."""
        self._left -= n
        if self._left < 0:
            raise InputError(
                f"{self._path}: expected at most {self._limit:g} GiB of decompressed input, got more; "
                "raise max_gib if that is meant"
            )


class _Metered:
    """A binary file that counts what is read."""

    def __init__(self, file: IO[bytes], meter: Meter) -> None:
        self._file, self._meter, self._read = file, meter, 0

    def tell(self) -> int:
        """Bytes read so far."""
        return self._read

    def read(self, n: int = -1) -> bytes:
        """Up to n bytes; a read without a bound is one of at most MEMBER_BYTES."""
        got = self._file.read(MEMBER_BYTES if n is None or n < 0 else n)
        self._meter.spend(len(got))
        self._read += len(got)
        return got

    def readline(self, n: int = MEMBER_BYTES) -> bytes:
        """One line of at most n bytes."""
        got = self._file.readline(n)
        self._meter.spend(len(got))
        return got


def open_bytes(path: Path, policy: Policy) -> _Metered:
    """A file open for reading, decompressed where its name ends in .gz, within the limit."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: expected a file, got {error.strerror or error}") from error
    plain = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
    return _Metered(plain, Meter(path, policy))  # type: ignore[arg-type]


def members(path: Path, policy: Policy) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each plain file of a tar archive, one in memory at a time.

    Nothing is written to disk, so that names cannot lead out of a folder; links, devices and
    folders are passed over. InputError for a damaged archive or one beyond the limits.
    """
    meter = Meter(path, policy)
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                if not member.isfile():
                    continue
                if member.size > MEMBER_BYTES:
                    raise InputError(
                        f"{path}: {member.name}: expected a member of at most {MEMBER_BYTES >> 30} GiB, "
                        f"got {member.size} bytes"
                    )
                meter.spend(member.size)
                file = archive.extractfile(member)
                yield member.name, file.read() if file is not None else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"{path}: expected a whole tar archive, got a damaged one ({error})") from error
