"""Truth, committed to before a challenge and shown after it: nobody can change it in between.

The seal is the SHA-256 of a secret salt and of every object's id, class, redshift and reference time.
It is published when the challenge opens. When it closes, the truth is published with the salt, and
anybody can hash it again. Without the salt the seal tells nothing, not even to somebody who tries all
classes of a small table.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from brokerbench.errors import AccountingError, InputError
from brokerbench.store import Folder, atomic_write, read_metadata, read_table, write_table
from brokerbench.tables import Objects

__all__ = ["Seal", "read_seal", "reveal", "seal", "verify"]

ALGORITHM = "sha256(salt, n, object_id <i8, class_id <i4, z <f4, t0 <f8), rows by object_id"
_SECRET = "seal.secret.json"


@dataclass(frozen=True)
class Seal:
    """What is published when a challenge opens."""

    digest: str
    objects: int
    algorithm: str = ALGORITHM


def seal(run: Folder) -> Seal:
    """The seal of a run's truth; its salt is kept in the run, and used again when there is one."""
    secret = run.path / _SECRET
    if not secret.is_file():
        with atomic_write(secret, "w") as file:
            file.write(json.dumps({"salt": secrets.token_hex(32)}) + "\n")
    truth = _truth(run)
    return Seal(digest=_digest(truth, _salt(run)), objects=len(truth))


def reveal(run: Folder, out: Path) -> Path:
    """The Parquet file with the run's truth and the salt, for `verify`. InputError without a seal."""
    write_table(
        out, _truth(run), metadata={"salt": _salt(run), "sources": json.dumps(run.manifest["sources"])}
    )
    return out


def verify(sealed: Seal, truth: Path) -> int:
    """The number of objects of a revealed truth that is the sealed one.

    Raises AccountingError where it is not, InputError where the file is no revealed truth.
    """
    metadata = read_metadata(truth)
    if "salt" not in metadata:
        raise InputError(f"{truth}: expected a revealed truth with its salt, got a table without")
    objects = read_table(truth, Objects)
    if len(objects) != sealed.objects:
        raise AccountingError(f"{truth}: expected {sealed.objects} objects as sealed, got {len(objects)}")
    if _digest(objects, metadata["salt"]) != sealed.digest:
        raise AccountingError(f"{truth}: expected the truth that was sealed, got another one")
    return len(objects)


def read_seal(path: Path) -> Seal:
    """The seal in a JSON file. InputError where there is none."""
    try:
        found = Seal(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: expected a seal in JSON, got one that cannot be read") from error
    if found.algorithm != ALGORITHM:
        raise InputError(f"{path}: expected a seal by {ALGORITHM}, got {found.algorithm!r}")
    return found


def write_seal(path: Path, sealed: Seal) -> Path:
    """The path of the JSON file that a seal was written to."""
    with atomic_write(path, "w") as file:
        file.write(json.dumps(asdict(sealed), indent=1) + "\n")
    return path


def _salt(run: Folder) -> str:
    try:
        return str(json.loads((run.path / _SECRET).read_bytes())["salt"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{run.path}: expected a sealed run, got no {_SECRET}; use `brokerbench truth seal` first"
        ) from error


def _truth(run: Folder) -> Objects:
    whole = Objects.concat([run.read("truth/objects", part, Objects) for part in run.parts])
    return whole.take(np.argsort(whole.object_id))


def _digest(truth: Objects, salt: str) -> str:
    ordered = truth.take(np.argsort(truth.object_id))
    digest = hashlib.sha256(f"{salt}:{len(ordered)}:".encode())
    # NaN has many bit patterns; the hash must not depend on which one a library writes.
    z = np.where(np.isnan(ordered.z), np.float32(np.nan), ordered.z)
    for column, dtype in (
        (ordered.object_id, "<i8"),
        (ordered.class_id, "<i4"),
        (z, "<f4"),
        (ordered.t0, "<f8"),
    ):
        digest.update(np.ascontiguousarray(column, dtype=dtype).tobytes())
    return digest.hexdigest()
