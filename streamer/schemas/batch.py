"""Decoded columns into an AlertBatch, by a table of paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.table import items_of
from brokerbench.tables import BANDS, AlertBatch, Hosts, columns
from streamer.codec import Codec, Decoded, Ranges
from streamer.packets import Packets

__all__ = ["History", "Paths", "flat_history", "interleave", "read_batch"]

Array = NDArray[Any]

SENTINELS = (-9.0, -99.0, -999.0, -9999.0)
"""Numbers that mean "unknown" in real packets; 99 and 999 as well in magnitudes."""


@dataclass(frozen=True, eq=False)
class Paths:
    """Where an AlertBatch finds its columns in a schema.

    alert_id, source_id: paths. object: the record of the object, and in `of_object` the paths of object_id,
    ra, dec, mwebv, z_final, z_final_err below it. source: the triggering source; earlier, forced: the
    items of the arrays of history; `measured`: mjd, band, flux, flux_err below each of them. host, host2:
    path of (column of Hosts, index) below the object. letters: index into BANDS of a band's name of
    one letter.
    """

    alert_id: str
    source_id: str
    object: str
    of_object: Mapping[str, str]
    source: str
    earlier: str
    forced: str
    measured: Mapping[str, str]
    host: Mapping[str, tuple[str, int | None]] = field(default_factory=dict)
    host2: Mapping[str, tuple[str, int | None]] = field(default_factory=dict)
    letters: Mapping[str, int] = field(default_factory=lambda: {b: i for i, b in enumerate(BANDS)})

    @cached_property
    def host_rows(self) -> tuple[dict[str, list[str]], ...]:
        """For host and host2: the paths of each column of Hosts, in the order of its index."""
        return tuple(
            {
                c.name: [path for _, path in sorted((i or 0, p) for p, (n, i) in of.items() if n == c.name)]
                for c in columns(Hosts)
            }
            for of in (self.host, self.host2)
        )


@lru_cache(maxsize=64)
def _wanted(codec: Codec, paths: Paths) -> frozenset[str]:
    """The columns to decode."""
    names = {paths.alert_id, paths.source_id}
    names |= {f"{paths.object}.{p}" for p in (*paths.of_object.values(), *paths.host, *paths.host2)}
    groups = (paths.source, f"{paths.earlier}[]", f"{paths.forced}[]")
    names |= {f"{group}.{p}" for group in groups for p in paths.measured.values()}
    names |= {f"{paths.earlier}#", f"{paths.forced}#"}
    nullable = (paths.object, paths.earlier, paths.forced)
    known = codec.program(None, encode=False, spliced=frozenset()).slots
    return frozenset(names) | ({f"{p}?" for p in nullable} & {s.name for s in known})


def read_batch(
    codec: Codec, paths: Paths, packets: Packets | Ranges, published: NDArray[np.int64]
) -> tuple[AlertBatch, list[tuple[int, str]]]:
    """The AlertBatch of n packets, and (row, reason) of those that are malformed and left out.

    published: i8[n] us UTC. A packet without an object counts as malformed.
    """
    d = codec.decode(packets, _wanted(codec, paths))
    name = codec.node_name
    wrong = [(row, f"expected {name}, got {reason}") for row, reason in d.wrong]
    has = _present(d, codec, paths.object, len(d.rows))
    keep = np.flatnonzero(has)
    wrong += [
        (int(d.rows[i]), f"expected {name} with {paths.object}, got null") for i in np.flatnonzero(~has)
    ]
    items: dict[str, Any] = _items(d, codec, paths, keep)
    about: dict[str, Any] = {k: _value(d[f"{paths.object}.{p}"], k) for k, p in paths.of_object.items()}
    for missing in {"mwebv", "z_final", "z_final_err"} - set(about):
        about[missing] = np.full(len(keep), np.nan, "f4")
    batch = AlertBatch(
        alert_id=d[paths.alert_id][keep],
        source_id=d[paths.source_id][keep],
        published=published[d.rows[keep]].astype("i8"),
        **about,
        **items,
        host=_hosts(d, paths.object, paths.host_rows[0], len(keep)),
        host2=_hosts(d, paths.object, paths.host_rows[1], len(keep)),
    )
    return batch, sorted(wrong)


def interleave(batches: list[AlertBatch], rows: list[NDArray[np.int64]]) -> AlertBatch:
    """One batch of several, in the order of the rows in which their alerts stood."""
    if not batches:
        return AlertBatch.empty()
    if len(batches) == 1:
        return batches[0]
    order = np.argsort(np.concatenate(rows), kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(b.offsets) for b in batches]))])
    sizes = np.diff(offsets)[order]
    ends = np.cumsum(sizes)
    item = items_of(offsets[:-1][order], sizes)
    arrays: dict[str, Any] = {}
    for c in columns(AlertBatch):
        joined = np.concatenate([getattr(b, c.name) for b in batches])
        arrays[c.name] = joined[item if c.items else order]
    return AlertBatch(
        offsets=np.concatenate([[0], ends]).astype("i8"),
        host=Hosts.concat([b.host for b in batches]).take(order),
        host2=Hosts.concat([b.host2 for b in batches]).take(order),
        **arrays,
    )


def _present(d: Decoded, codec: Codec, path: str, count: int) -> NDArray[np.bool_]:
    """Whether each packet has the nullable value at a path."""
    if f"{path}?" not in d:
        return np.ones(count, "?")
    return np.asarray(d[f"{path}?"] == codec.branch_of(path))


def _value(column: Array, name: str) -> Array:
    if name == "object_id":
        return np.array(column)
    out = np.array(column, "f8" if name in ("ra", "dec") else "f4")
    if out.dtype == np.float32:
        _forget(out, SENTINELS)
    return out


def _forget(values: Array, sentinels: tuple[float, ...]) -> None:
    """NaN in place of the sentinels, in an array of our own."""
    _clear(values.reshape(-1), np.array(sentinels, values.dtype))


@numba.njit(cache=True, nogil=True)
def _clear(values: Any, sentinels: Any) -> None:
    for i in range(len(values)):
        for s in sentinels:
            if values[i] == s:
                values[i] = np.nan


def _hosts(d: Decoded, object_path: str, rows: Mapping[str, list[str]], count: int) -> Hosts:
    every = [f"{object_path}.{path}" for paths in rows.values() for path in paths]
    values = np.empty((len(every), count), "f4")
    for i, path in enumerate(every):
        values[i] = d[path]
    _forget(values, SENTINELS)
    arrays: dict[str, Array] = {}
    at = 0
    for c in columns(Hosts):
        mine = values[at : at + len(rows[c.name])]
        at += len(mine)
        if not len(mine):
            arrays[c.name] = np.full((count, c.width) if c.width else count, np.nan, c.dtype)
            continue
        if c.unit == "mag":
            _forget(mine, (99.0, 999.0))
        arrays[c.name] = (mine.T if c.width else mine[0]).astype(c.dtype, copy=False)
    return Hosts(**arrays)


@dataclass(frozen=True, eq=False)
class History:
    """Measurements of n alerts end to end: counts i8[n], and mjd, band, flux, flux_err of them all."""

    counts: Array
    values: Mapping[str, Array]

    @classmethod
    def none(cls, count: int) -> History:
        """No measurements of `count` alerts."""
        empty = {name: np.empty(0, dtype) for name, dtype in _MEASURED.items()}
        return cls(np.zeros(count, "i8"), empty)


_MEASURED = {"mjd": "f8", "band": "i1", "flux": "f4", "flux_err": "f4"}


def flat_history(earlier: History, own: Mapping[str, Array], forced: History) -> dict[str, Any]:
    """The item columns of an AlertBatch and its offsets: earlier sources, the triggering one, forced ones."""
    n = len(earlier.counts)
    ends = np.cumsum(earlier.counts), np.cumsum(forced.counts)
    starts = ends[0] - earlier.counts, ends[1] - forced.counts
    spans = np.stack([starts[0], ends[0], np.arange(n), starts[1], ends[1]]).astype("i8")
    offsets = np.zeros(n + 1, "i8")
    np.cumsum(earlier.counts + 1 + forced.counts, out=offsets[1:])
    out: dict[str, Any] = {"offsets": offsets}
    flat = []
    for name, dtype in _MEASURED.items():
        out[name] = np.empty(int(offsets[-1]), dtype)
        flat += [np.asarray(v[name], dtype) for v in (earlier.values, own, forced.values)] + [out[name]]
    _merge(spans, offsets, *flat)
    out["forced"] = np.zeros(int(offsets[-1]), "?")
    _mark(spans, offsets, out["forced"])
    return out


def _items(d: Decoded, codec: Codec, paths: Paths, keep: Array) -> dict[str, Any]:
    """The history of the packets `keep`."""
    n = len(d.rows)
    letters = np.full(256, -1, "i1")
    for letter, index in paths.letters.items():
        letters[ord(letter)] = index

    def measured(group: str) -> dict[str, Array]:
        values = {name: d[f"{group}.{path}"] for name, path in paths.measured.items()}
        return values | {"band": _band(values["band"], letters)}

    def history(path: str) -> History:
        counts = np.zeros(n, "i8")
        counts[_present(d, codec, path, n)] = d[f"{path}#"]
        values = measured(f"{path}[]")
        if len(keep) < n:  # leave out what belongs to the others
            kept = np.isin(np.repeat(np.arange(n), counts), keep)
            values = {name: v[kept] for name, v in values.items()}
        return History(counts[keep], values)

    own = {name: v[keep] for name, v in measured(paths.source).items()}
    return flat_history(history(paths.earlier), own, history(paths.forced))


def _band(texts: Ranges, letters: Array) -> Array:
    out = np.empty(len(texts), "i1")
    _letters(texts.data, texts.start, texts.size, letters, out)
    return out


@numba.njit(cache=True, nogil=True)
def _letters(data: Any, start: Any, size: Any, letters: Any, out: Any) -> None:
    for i in range(len(start)):
        out[i] = letters[data[start[i]]] if size[i] == 1 else -1


@numba.njit(cache=True, nogil=True)
def _merge(
    spans: Any,
    offsets: Any,
    mjd1: Any,
    mjd2: Any,
    mjd3: Any,
    mjd: Any,
    band1: Any,
    band2: Any,
    band3: Any,
    band: Any,
    flux1: Any,
    flux2: Any,
    flux3: Any,
    flux: Any,
    error1: Any,
    error2: Any,
    error3: Any,
    error: Any,
) -> None:
    """Four columns at once: of earlier sources (1), the triggering one (2) and forced ones (3)."""
    for i in range(len(offsets) - 1):
        at = offsets[i]
        for k in range(spans[0, i], spans[1, i]):
            mjd[at] = mjd1[k]
            band[at] = band1[k]
            flux[at] = flux1[k]
            error[at] = error1[k]
            at += 1
        mjd[at] = mjd2[spans[2, i]]
        band[at] = band2[spans[2, i]]
        flux[at] = flux2[spans[2, i]]
        error[at] = error2[spans[2, i]]
        at += 1
        for k in range(spans[3, i], spans[4, i]):
            mjd[at] = mjd3[k]
            band[at] = band3[k]
            flux[at] = flux3[k]
            error[at] = error3[k]
            at += 1


@numba.njit(cache=True, nogil=True)
def _mark(spans: Any, offsets: Any, out: Any) -> None:
    for i in range(len(offsets) - 1):
        for k in range(offsets[i + 1] - (spans[4, i] - spans[3, i]), offsets[i + 1]):
            out[k] = True
