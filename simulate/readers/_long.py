"""Light curves in long tables, a measurement a row and the rows of an object together, into a run.

PLAsTiCC's test set has 453 million rows: files are streamed twice, block by block, and memory holds a
block, a chunk of objects and a few numbers an object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.store import Folder
from brokerbench.tables import FLAG_NO_MODEL, LightCurves, TrueFluxes, Visits
from simulate.readers._run import (
    CHUNK,
    ImportedPart,
    begin_run,
    nights,
    object_ids,
    part_name,
    unique_visits,
    visit_rows,
    write_part,
)

__all__ = ["Block", "Catalogue", "bare_visits", "light_curves", "long_run", "no_truth", "stream_csv"]

BLOCK_BYTES = 16 << 20


@dataclass(frozen=True)
class Block:
    """Rows of a long table; key is the file's own name or number of the object."""

    key: NDArray[Any]
    mjd: NDArray[np.float64]
    band: NDArray[np.int8]
    flux: NDArray[np.float32]
    flux_err: NDArray[np.float32]
    detected: NDArray[np.bool_]

    def columns(self) -> tuple[NDArray[Any], ...]:
        """The arrays in order."""
        return self.key, self.mjd, self.band, self.flux, self.flux_err, self.detected

    def rows(self, span: slice) -> Block:
        """Some of the rows."""
        return Block(*(c[span] for c in self.columns()))


Catalogue = Callable[[NDArray[Any], NDArray[np.int64], LightCurves], ImportedPart]
"""Tables of objects by their keys, ids and light curves; raises InputError where one is not known."""


def stream_csv(path: Path, kinds: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """Record batches of a CSV file, gzipped or not, with the columns `kinds` and their types.

    Raises InputError where a column is missing or a value is not of its type.
    """
    try:
        with pa.csv.open_csv(
            path,
            read_options=pa.csv.ReadOptions(block_size=BLOCK_BYTES),
            convert_options=pa.csv.ConvertOptions(include_columns=list(kinds), column_types=dict(kinds)),
        ) as reader:
            yield from reader
    except (pa.ArrowException, KeyError, OSError) as error:
        first = str(error).splitlines()[0]
        raise InputError(
            f"{path}: expected columns {', '.join(kinds)}, got a file that says: {first}"
        ) from error


def long_run(
    files: Sequence[Path],
    out: Path,
    *,
    blocks: Callable[[Path], Iterable[Block]],
    catalogue: Catalogue,
    about: Mapping[str, Any],
) -> Folder:
    """The run at `out` of the objects in `files`, one population, in file order.

    about: what goes into the manifest, seed and one source among it. Raises InputError where the rows of
    an object lie apart or there are none.
    """
    visits, keys = _survey(files, blocks)
    seed, source = int(about["seed"]), str(about["sources"][0])
    with begin_run(Path(out), visits, about) as run:
        done = 0
        for chunk, block in enumerate(_chunks(files, blocks)):
            part = part_name(0, chunk)
            starts = _starts(block.key)
            done += len(starts)
            if run.has(part):
                continue
            curves = light_curves(block, starts, visits)
            imported = catalogue(block.key[starts], object_ids(seed, 0, chunk, len(starts)), curves)
            write_part(run, part, imported, source=source)
        if done != len(keys):
            raise InputError(
                f"{files[0]}: expected {len(keys)} objects as before, got {done}; the files changed"
            )
    return Folder.open(out, kind="run")


def _survey(files: Sequence[Path], blocks: Callable[[Path], Iterable[Block]]) -> tuple[Visits, NDArray[Any]]:
    """All visits and the keys of all objects, in order."""
    pending = [Visits.empty()]
    keys: list[NDArray[Any]] = []
    last: Any = None
    for block in (b for file in files for b in blocks(file)):
        found = block.key[_starts(block.key)]
        keys.append(found[1:] if len(found) and found[0] == last else found)
        last = found[-1] if len(found) else last
        pending.append(bare_visits(block.mjd, block.band))
        if sum(map(len, pending[1:])) > max(len(pending[0]), 1 << 20):
            pending = [unique_visits(pending)]
    every = np.concatenate(keys) if keys else np.empty(0)
    if not len(every):
        raise InputError(f"{files[0]}: expected measurements, got none in {len(files)} files")
    names, counts = np.unique(every, return_counts=True)
    if counts.max() > 1:
        raise InputError(
            f"{files[0]}: expected the rows of an object together, got object {names[counts.argmax()]} "
            f"in {counts.max()} places; sort the file by object"
        )
    return unique_visits(pending), every


def _chunks(files: Sequence[Path], blocks: Callable[[Path], Iterable[Block]]) -> Iterator[Block]:
    """The rows of CHUNK objects at a time."""
    held: Block | None = None
    for block in (b for file in files for b in blocks(file)):
        if held is not None:
            both = zip(held.columns(), block.columns(), strict=True)
            block = Block(*(np.concatenate(pair) for pair in both))
        starts = _starts(block.key)
        begin = 0
        for i in range(CHUNK, len(starts), CHUNK):  # the last object may go on in the next block
            yield block.rows(slice(begin, starts[i]))
            begin = starts[i]
        held = block.rows(slice(begin, None))
    if held is not None and len(held.key):
        yield held


def _starts(key: NDArray[Any]) -> NDArray[np.int64]:
    """Row at which each object begins."""
    return np.flatnonzero(np.concatenate([np.ones(min(len(key), 1), bool), key[1:] != key[:-1]]))


def bare_visits(mjd: NDArray[np.float64], band: NDArray[np.int8]) -> Visits:
    """One visit for each different (mjd, band), with nothing else known of it."""
    order = np.lexsort((band, mjd))
    m, b = mjd[order], band[order]
    new = np.concatenate([np.ones(min(len(m), 1), bool), (m[1:] != m[:-1]) | (b[1:] != b[:-1])])
    m, b = m[new], b[new]
    f8, f4 = np.full(len(m), np.nan), np.full(len(m), np.nan, "f4")
    return Visits(
        visit_id=np.arange(len(m)),
        mjd=m,
        ra=f8,
        dec=f8,
        band=b,
        exposure=f4,
        seeing=f4,
        m5=f4,
        sky=f4,
        airmass=f4,
        night=nights(m),
    )


def light_curves(block: Block, starts: NDArray[np.int64], visits: Visits) -> LightCurves:
    """Light curves of the objects that begin at `starts`, in order of time."""
    counts = np.diff(np.append(starts, len(block.key)))
    owner = np.repeat(np.arange(len(starts)), counts)
    order = np.lexsort((block.mjd, owner))
    flux, err = block.flux[order], block.flux_err[order]
    unusable = ~(np.isfinite(flux) & (err > 0))
    return LightCurves(
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype("i8"),
        visit=visit_rows(visits, block.mjd[order], block.band[order]),
        flux=np.where(unusable, np.nan, flux).astype("f4"),
        flux_err=np.where(unusable, np.nan, err).astype("f4"),
        detected=block.detected[order] & ~unusable,
        flags=np.where(unusable, FLAG_NO_MODEL, 0).astype("u1"),
    )


def no_truth(curves: LightCurves) -> TrueFluxes:
    """True fluxes of light curves whose files hold none: NaN."""
    return TrueFluxes(offsets=curves.offsets, flux=np.full(len(curves.flux), np.nan, "f4"))
