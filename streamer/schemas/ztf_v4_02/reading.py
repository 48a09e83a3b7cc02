"""ZTF alerts of any version into an AlertBatch: each packet carries its schema."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.tables import BANDS, AlertBatch, Hosts
from streamer.codec import Codec, Decoded, Ranges, compile_schema
from streamer.container import unwrap
from streamer.packets import Packets
from streamer.schemas.batch import History, flat_history, interleave

__all__ = ["FID", "HALF_EXPOSURE", "TAI_UTC", "ZERO_POINT", "decode", "object_name", "object_number"]

FID = {"g": 1, "r": 2, "i": 3}
TAI_UTC = 37.0 / 86400.0
"""Days between TAI and UTC since 2017; ZTF began in 2018."""
HALF_EXPOSURE = 15.0 / 86400.0
"""ZTF gives the start of a 30 s exposure."""
ZERO_POINT = 31.4
"""AB magnitude of 1 nJy."""

Array = NDArray[Any]
_LETTERS = 10
_BASE = 26


def object_name(ids: NDArray[np.int64]) -> Packets:
    """Names of objects, e.g. ZTF07bqkcaaaxza: two digits and ten letters, so that 52 bits fit in."""
    out = np.empty((len(ids), 3 + 2 + _LETTERS), "u1")
    out[:, :3] = np.frombuffer(b"ZTF", "u1")
    rest = ids.copy()
    for k in range(_LETTERS):
        rest, digit = np.divmod(rest, _BASE)
        out[:, -1 - k] = 97 + digit
    out[:, 3], out[:, 4] = 48 + rest // 10 % 10, 48 + rest % 10
    size = out.shape[1]
    return Packets(out.reshape(-1), np.arange(len(ids) + 1, dtype="i8") * size)


def object_number(names: Ranges) -> NDArray[np.int64]:
    """The numbers behind names of objects, i8[n]; -1 for a name of another form."""
    out = np.empty(len(names), "i8")
    _numbers(names.data, names.start, names.size, out)
    return out


@numba.njit(cache=True, nogil=True)
def _numbers(data: Any, start: Any, size: Any, out: Any) -> None:
    for i in range(len(start)):
        out[i] = -1
        n = size[i]
        if n < 6 or n > 15:
            continue
        p = start[i]
        if data[p] != 90 or data[p + 1] != 84 or data[p + 2] != 70:
            continue
        value, good = np.int64(0), True
        for k in range(3, 5):
            good = good and 48 <= data[p + k] <= 57
            value = value * 10 + np.int64(data[p + k]) - 48
        for k in range(5, n):
            good = good and 97 <= data[p + k] <= 122
            value = value * 26 + np.int64(data[p + k]) - 97
        if good:
            out[i] = value


_CANDIDATE = ("jd", "fid", "magpsf", "sigmapsf", "isdiffpos")
_FORCED = ("jd", "fid", "magzpsci", "forcediffimflux", "forcediffimfluxunc")


@lru_cache(maxsize=64)
def _want(codec: Codec) -> frozenset[str]:
    names = {"candid", "objectId", "candidate.ra", "candidate.dec", "candidate.candid"}
    names |= {f"candidate.{f}" for f in _CANDIDATE}
    known = {s.name for s in codec.program(None, encode=False, spliced=frozenset()).slots}
    missing = sorted(names - known)
    if missing:
        raise InputError(f"expected a ZTF alert with {missing[0]}, got a schema without it")
    names |= {f"prv_candidates[].{f}" for f in _CANDIDATE} | {"prv_candidates#", "prv_candidates?"}
    names |= {f"fp_hists[].{f}" for f in _FORCED} | {"fp_hists#", "fp_hists?"}
    names |= {"prv_candidates[].candid?"}
    return frozenset(names & known)


def decode(
    packets: Packets | Ranges, published: NDArray[np.int64]
) -> tuple[AlertBatch, list[tuple[int, str]]]:
    """The AlertBatch of packets, and (row, reason) of those that are malformed and left out.

    Magnitudes become nJy; earlier candidates without candid (upper limits) are left out.
    """
    files = Ranges.of(packets) if isinstance(packets, Packets) else packets
    found, wrong = unwrap(files)
    batches, rows = [], []
    for header, mine, records in found:
        try:
            codec = compile_schema(header.schema)
            want = _want(codec)
        except InputError as error:
            wrong += [(int(i), f"expected a ZTF alert, got {error}") for i in mine]
            continue
        d = codec.decode(records, want)
        wrong += [(int(mine[i]), f"expected a ZTF alert, got {reason}") for i, reason in d.wrong]
        batches.append(_batch(d, codec, published[mine[d.rows]]))
        rows.append(mine[d.rows])
    return interleave(batches, rows), sorted(wrong)


def _batch(d: Decoded, codec: Codec, published: NDArray[np.int64]) -> AlertBatch:
    n = len(d.rows)
    unknown = np.full(n, np.nan, "f4")
    nowhere = _no_hosts(n)
    return AlertBatch(
        **flat_history(_earlier(d, codec, n), _detections(d, "candidate"), _forced(d, codec, n)),
        alert_id=d["candid"],
        source_id=d["candidate.candid"],
        object_id=object_number(d["objectId"]),
        published=published.astype("i8"),
        ra=np.array(d["candidate.ra"]),
        dec=np.array(d["candidate.dec"]),
        mwebv=unknown,
        z_final=unknown.copy(),
        z_final_err=unknown.copy(),
        host=nowhere,
        host2=nowhere,
    )


def _no_hosts(count: int) -> Hosts:
    empty = Hosts.empty()
    return Hosts(**{k: np.full((count, *v.shape[1:]), np.nan, v.dtype) for k, v in empty.as_dict().items()})


def _mjd(jd: Array) -> Array:
    return jd - 2400000.5 + TAI_UTC + HALF_EXPOSURE


def _band(fid: Array) -> Array:
    table = np.full(4, -1, "i1")
    for band, number in FID.items():
        table[number] = BANDS.index(band)
    return table[np.where((fid > 0) & (fid < 4), fid, 0)]


def _detections(d: Decoded, path: str) -> dict[str, Array]:
    flux = 10 ** (0.4 * (ZERO_POINT - d[f"{path}.magpsf"].astype("f8")))
    sign = d[f"{path}.isdiffpos"]
    first = np.zeros(len(flux), "u1")
    some = sign.size > 0
    first[some] = sign.data[sign.start[some]]
    negative = (first == ord("f")) | (first == ord("0"))
    return {
        "mjd": _mjd(d[f"{path}.jd"]),
        "band": _band(d[f"{path}.fid"]),
        "flux": np.where(negative, -flux, flux).astype("f4"),
        "flux_err": (flux * d[f"{path}.sigmapsf"] * (np.log(10) / 2.5)).astype("f4"),
    }


def _lengths(d: Decoded, codec: Codec, path: str, n: int) -> Array:
    counts = np.zeros(n, "i8")
    if f"{path}#" in d:
        has = d[f"{path}?"] == codec.branch_of(path) if f"{path}?" in d else np.ones(n, "?")
        counts[has] = d[f"{path}#"]
    return counts


def _earlier(d: Decoded, codec: Codec, n: int) -> History:
    counts = _lengths(d, codec, "prv_candidates", n)
    if not counts.sum():
        return History.none(n)
    seen = d["prv_candidates[].candid?"] == codec.branch_of("prv_candidates[].candid")
    values = {k: v[seen] for k, v in _detections(d, "prv_candidates[]").items()}
    owner = np.repeat(np.arange(n), counts)
    return History(np.bincount(owner[seen], minlength=n).astype("i8"), values)


def _forced(d: Decoded, codec: Codec, n: int) -> History:
    counts = _lengths(d, codec, "fp_hists", n)
    if not counts.sum():
        return History.none(n)
    scale = 10 ** (0.4 * (ZERO_POINT - d["fp_hists[].magzpsci"].astype("f8")))
    values = {
        "mjd": _mjd(d["fp_hists[].jd"]),
        "band": _band(d["fp_hists[].fid"]),
        "flux": (d["fp_hists[].forcediffimflux"] * scale).astype("f4"),
        "flux_err": (d["fp_hists[].forcediffimfluxunc"] * scale).astype("f4"),
    }
    owner = np.repeat(np.arange(n), counts)
    order = np.lexsort((values["mjd"], owner))  # ZTF lists the last one first
    return History(counts, {k: v[order] for k, v in values.items()})
