"""SNANA: HEAD and PHOT FITS files (Kessler et al. 2009), as PLAsTiCC and ELAsTiCC were made with."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.config import Config, decode, encode
from brokerbench.errors import InputError
from brokerbench.store import Folder
from brokerbench.table import items_of
from brokerbench.tables import FLAG_NO_MODEL, FLAG_SATURATED, LightCurves, TrueFluxes, Visits
from simulate.readers import _snana_columns as snana
from simulate.readers._fits import FitsTable, read_fits_table, whole_number
from simulate.readers._run import (
    CHUNK,
    ImportedPart,
    begin_run,
    joined,
    object_ids,
    part_name,
    unique_visits,
    visit_rows,
    write_part,
)
from simulate.readers._snana_types import Options, classes, model_name

Span = tuple[NDArray[np.int64], NDArray[np.int64]]  # first row and number of rows of objects

PHOTFLAG_DETECT = 4096
"""Bit of PHOTFLAG that marks a detection where the header does not say (SNANA's default)."""


@dataclass(frozen=True)
class Model:
    """The HEAD files of one SNANA model and the objects in each."""

    name: str
    heads: tuple[Path, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Snana:
    """Reads folders of SNANA HEAD and PHOT files into a run."""

    name: str = "snana"
    options: type[Config] = Options

    def read(
        self,
        folders: Sequence[Path],
        out: Path,
        *,
        seed: int,
        name: str,
        options: Mapping[str, Any] | Options | None = None,
    ) -> Folder:
        """The run at `out` that holds the light curves of all file pairs below `folders`.

        Each SNANA model is a population of its own, in the order of the folders and file names.
        Raises InputError where a folder holds no objects or a file cannot be read; nothing is left.
        """
        chosen = (
            options if isinstance(options, Options) else decode(dict(options or {}), Options, where="snana")
        )
        pairs = _Pairs()
        models, visits, digest = _survey([Path(f) for f in folders], chosen, pairs)
        about = {
            "name": name,
            "seed": seed,
            "config": {"reader": self.name, "options": encode(chosen), "input_sha256": digest},
            "sources": [m.name for m in models],
        }
        with begin_run(Path(out), visits, about) as run:
            for population, model in enumerate(models):
                for chunk, pieces in enumerate(_chunks(model)):
                    part = part_name(population, chunk)
                    if not run.has(part):
                        ids = object_ids(seed, population, chunk, sum(len(rows) for _, rows in pieces))
                        imported = _part(pieces, (ids, population), visits, chosen, pairs)
                        write_part(run, part, imported, source=model.name)
        return Folder.open(out, kind="run")


def _survey(folders: list[Path], options: Options, pairs: _Pairs) -> tuple[list[Model], Visits, str]:
    """All models below the folders, the visits of all their rows, and a digest of their files.

    Reads every file once, so that a broken one is found before anything is written.
    """
    digest = hashlib.sha256()
    heads: dict[str, list[Path]] = {}
    counts: dict[str, list[int]] = {}
    pending = [Visits.empty()]
    for path in _head_files(folders):
        head, phot = pairs(path)
        for table in (head, phot):
            digest.update(table.rows.view("u1").data)
        model = model_name(head)
        heads.setdefault(model, []).append(path)
        counts.setdefault(model, []).append(len(head.rows))
        _flags(phot)
        if len(head.rows):
            classes(head, options)
            rows = items_of(*snana.spans(head, phot))  # the -777 rows between objects are left out
            pending.append(snana.visits_of(head, phot, rows, snana.bands_of(phot, rows)))
            if sum(map(len, pending[1:])) > max(len(pending[0]), 1 << 20):
                pending = [unique_visits(pending)]
    visits = unique_visits(pending)
    if not len(visits):
        where = ", ".join(str(f) for f in folders)
        raise InputError(
            f"{where}: expected objects with photometry, got none "
            f"in {sum(map(len, heads.values()))} HEAD files"
        )
    models = [Model(m, tuple(heads[m]), tuple(counts[m])) for m in heads if sum(counts[m])]
    return models, visits, digest.hexdigest()


def _head_files(folders: list[Path]) -> list[Path]:
    """HEAD files below the folders, in order of name. InputError where there is none."""
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: expected a folder of SNANA files, got nothing there; check the path")
        names = [p for p in folder.rglob("*") if re.search(r"HEAD\.fits(\.gz)?$", p.name, re.IGNORECASE)]
        if not names:
            raise InputError(f"{folder}: expected *_HEAD.FITS files, got none; check the path")
        found += sorted(names)
    return list(dict.fromkeys(found))


class _Pairs:
    """HEAD and PHOT by the path of HEAD, kept in memory as far as a budget of bytes goes."""

    def __init__(self, budget: int = 256 << 20) -> None:
        self._kept: dict[Path, tuple[FitsTable, FitsTable]] = {}
        self._budget, self._used = budget, 0

    def __call__(self, head_path: Path) -> tuple[FitsTable, FitsTable]:
        if head_path not in self._kept:
            pair = _pair(head_path)
            self._used += sum(t.rows.nbytes for t in pair)
            if self._used > self._budget:
                self._kept.clear()
                self._used = 0
            self._kept[head_path] = pair
        return self._kept[head_path]


def _pair(head_path: Path) -> tuple[FitsTable, FitsTable]:
    """HEAD and its PHOT. InputError where the PHOT file is not there."""
    head = read_fits_table(head_path)
    swapped = re.sub("HEAD(?=[^/]*$)", "PHOT", head_path.name)
    swapped = re.sub("head(?=[^/]*$)", "phot", swapped)
    stem = swapped.removesuffix(".gz")
    for candidate in (stem, f"{stem}.gz"):
        if head_path.with_name(candidate).is_file():
            return head, read_fits_table(head_path.with_name(candidate))
    raise InputError(f"{head_path}: expected {stem} or {stem}.gz beside it, got neither")


def _chunks(model: Model) -> Iterator[list[tuple[Path, NDArray[np.int64]]]]:
    """HEAD files and their rows, CHUNK objects at a time, in file order."""
    pieces: list[tuple[Path, NDArray[np.int64]]] = []
    room = CHUNK
    for path, count in zip(model.heads, model.counts, strict=True):
        at = 0
        while at < count:
            take = min(room, count - at)
            pieces.append((path, np.arange(at, at + take)))
            at, room = at + take, room - take
            if not room:
                yield pieces
                pieces, room = [], CHUNK
    if pieces:
        yield pieces


def _part(
    pieces: list[tuple[Path, NDArray[np.int64]]],
    labels: tuple[NDArray[np.int64], int],
    visits: Visits,
    options: Options,
    pairs: _Pairs,
) -> ImportedPart:
    """The tables of one part from its pieces of files. labels: object ids and number of the source."""
    ids, source = labels
    made: list[ImportedPart] = []
    at = 0
    for head, phot, span in _alike(pieces, pairs):
        mine = ids[at : at + len(head.rows)]
        at += len(head.rows)
        curves, true = _light_curves(head, phot, span, visits, options)
        parameters, units = snana.parameters(head)
        made.append(
            ImportedPart(
                dia_objects=snana.dia_objects(head, mine),
                hosts=snana.hosts(head, "HOSTGAL"),
                hosts2=snana.hosts(head, "HOSTGAL2"),
                light_curves=curves,
                objects=snana.truth(head, mine, classes(head, options), source),
                true_fluxes=true,
                parameters=parameters,
                units=units,
            )
        )
    return joined(made)


def _alike(
    pieces: list[tuple[Path, NDArray[np.int64]]], pairs: _Pairs
) -> Iterator[tuple[FitsTable, FitsTable, Span]]:
    """HEAD, PHOT and spans of the pieces, files with the same columns and flags joined into one.

    SNANA writes thousands of files with a few objects each: column by column they are read as one.
    """
    for _, group in groupby((_piece(path, rows, pairs) for path, rows in pieces), key=_layout):
        heads, phots, spans = zip(*group, strict=True)
        before = np.cumsum([0, *(len(p.rows) for p in phots[:-1])])
        first = np.concatenate([s[0] + b for s, b in zip(spans, before, strict=True)])
        yield _stacked(heads), _stacked(phots), (first, np.concatenate([s[1] for s in spans]))


def _piece(path: Path, rows: NDArray[np.int64], pairs: _Pairs) -> tuple[FitsTable, FitsTable, Span]:
    head, phot = pairs(path)
    first, count = snana.spans(head, phot)
    first, count = first[rows], count[rows]
    begin = first[0] if len(first) else 0
    measured = phot.rows[begin : first[-1] + count[-1]] if len(first) else phot.rows[:0]
    return replace(head, rows=head.rows[rows]), replace(phot, rows=measured), (first - begin, count)


def _layout(piece: tuple[FitsTable, FitsTable, Span]) -> tuple[object, ...]:
    head, phot, _ = piece
    return (head.rows.dtype, phot.rows.dtype, *_flags(phot))


def _flags(phot: FitsTable) -> tuple[int, int]:
    """Bits of PHOTFLAG that mark a detection and a saturated measurement."""
    detect = whole_number(phot.primary, "PHOTFLAG_DETECT", PHOTFLAG_DETECT, phot.path)
    return detect, whole_number(phot.primary, "PHOTFLAG_SATURATE", 0, phot.path)


def _stacked(tables: Sequence[FitsTable]) -> FitsTable:
    first = tables[0]
    if len(tables) == 1:
        return first
    return replace(first, rows=np.concatenate([t.rows for t in tables]))


def _light_curves(
    head: FitsTable,
    phot: FitsTable,
    span: Span,
    visits: Visits,
    options: Options,
) -> tuple[LightCurves, TrueFluxes]:
    """Light curves of the objects of `head` and their true fluxes, in order of time."""
    first, count = span
    rows = items_of(first, count)
    owner = np.repeat(np.arange(len(count)), count)
    mjd = snana.need(phot, "MJD").astype("f8")[rows]
    order = np.lexsort((mjd, owner))
    rows, mjd = rows[order], mjd[order]
    band = snana.bands_of(phot, rows)
    flux = snana.to_njy(snana.need(phot, "FLUXCAL")[rows])
    err = snana.to_njy(snana.need(phot, "FLUXCALERR")[rows])
    photflag = snana.need(phot, "PHOTFLAG")[rows].astype("i8")
    detect, saturate = _flags(phot)
    detected = (photflag & detect) != 0
    if options.detection_snr is not None:
        detected = flux > options.detection_snr * err
    flags = np.zeros(len(rows), "u1")
    flags[(photflag & saturate) != 0] |= FLAG_SATURATED
    unusable = ~(np.isfinite(flux) & (err > 0))
    flags[unusable] |= FLAG_NO_MODEL
    offsets = np.concatenate([[0], np.cumsum(count)]).astype("i8")
    curves = LightCurves(
        offsets=offsets,
        visit=visit_rows(visits, mjd, band),
        flux=np.where(unusable, np.nan, flux).astype("f4"),
        flux_err=np.where(unusable, np.nan, err).astype("f4"),
        detected=detected & ~unusable,
        flags=flags,
    )
    return curves, TrueFluxes(offsets=offsets, flux=snana.true_flux(head, phot, rows, owner, band))


READER = Snana()
