"""The fields of an ELAsTiCC alert from the tables, and back."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
from numpy.typing import NDArray

from brokerbench.tables import BANDS, AlertBatch, Hosts, columns
from streamer.packets import Packets
from streamer.schemas.registry import load_avsc
from streamer.schemas.schema import Part, Schema

_FOLDER = Path(__file__).parent
ALERT = load_avsc(_FOLDER / "elasticc.v0_9_1.alert.avsc")
CLASSIFICATION = load_avsc(_FOLDER / "elasticc.v0_9_1.brokerClassification.avsc")
_TYPES = {f["name"]: f["type"] for f in ALERT["fields"]}

Array = NDArray[Any]

OBJECT = {name: name for name in ("mwebv", "mwebv_err", "z_final", "z_final_err")}
HOST: dict[str, tuple[str, int | None]] = {
    **{n: (n, None) for n in ("ellipticity", "sqradius", "zspec", "zspec_err", "zphot", "zphot_err")},
    **{f"zphot_q{q:03d}": ("zphot_q", i) for i, q in enumerate(range(0, 101, 10))},
    **{f"mag_{b}": ("mag", i) for i, b in enumerate("ugrizY")},
    "ra": ("ra", None),
    "dec": ("dec", None),
    "snsep": ("sep", None),
    **{f"magerr_{b}": ("mag_err", i) for i, b in enumerate("ugrizY")},
}
"""Suffix of a hostgal_ and hostgal2_ field: column of Hosts, and its index where it is wide."""

FILTERS = {b: ("Y" if b == "y" else b) for b in BANDS}
"""The wire's names of the bands: y is written in capitals."""

SENTINELS = (-9.0, -99.0, -999.0, -9999.0)
"""Numbers that mean "unknown" in real packets; 999 and 99 as well in magnitudes."""


def _writer(schema: Any, values: Mapping[str, list[Any]]) -> list[bytes]:
    """Records of a schema, encoded one by one; values: a list for each field."""
    names, out = list(values), []
    stream = io.BytesIO()
    for row in zip(*values.values(), strict=True):
        stream.seek(0)
        stream.truncate()
        fastavro.schemaless_writer(stream, schema, dict(zip(names, row, strict=True)))
        out.append(stream.getvalue())
    return out


def _optional(values: Array) -> list[float | None]:
    return [v if v == v else None for v in values.tolist()]


def _objects(part: Part) -> list[bytes]:
    objects = part.objects
    values: dict[str, list[Any]] = {
        "diaObjectId": objects.object_id.tolist(),
        "simVersion": [None] * len(objects),
        "ra": objects.ra.tolist(),
        "decl": objects.dec.tolist(),
        **{field: _optional(getattr(objects, column)) for field, column in OBJECT.items()},
    }
    for prefix, hosts in (("hostgal", part.hosts), ("hostgal2", part.hosts2)):
        for suffix, (column, index) in HOST.items():
            value = getattr(hosts, column)
            values[f"{prefix}_{suffix}"] = _optional(value if index is None else value[:, index])
    return _writer(_object_type(), values)


def _object_type() -> Any:
    return next(t for t in _TYPES["diaObject"] if t != "null")


def _common(part: Part, items: Array) -> dict[str, list[Any]]:
    visit = part.light_curves.visit[items]
    names = [FILTERS.get(b, b) for b in part.bands]
    return {
        "midPointTai": part.visits.mjd[visit].tolist(),
        "filterName": [names[b] for b in part.visits.band[visit].tolist()],
        "psFlux": part.light_curves.flux[items].tolist(),
        "psFluxErr": part.light_curves.flux_err[items].tolist(),
    }


def encode(part: Part, order: NDArray[np.int64]) -> Iterator[Packets]:
    """The packets of the sources `order`: every source, forced source and object is encoded once."""
    h, lc = part.histories, part.light_curves
    owner = part.objects.object_id[h.owner]
    forced_owner = np.searchsorted(lc.offsets, h.measured, "right") - 1
    flux, error = lc.flux[h.sources], lc.flux_err[h.sources]
    source_schema = _TYPES["diaSource"]
    sources = _writer(
        source_schema,
        {
            "diaSourceId": part.source_id.tolist(),
            "diaObjectId": owner.tolist(),
            **_common(part, h.sources),
            "ra": part.objects.ra[h.owner].tolist(),
            "decl": part.objects.dec[h.owner].tolist(),
            "snr": (flux / error).tolist(),
        },
    )
    forced_schema = next(t for t in _TYPES["prvDiaForcedSources"] if t != "null")["items"]
    forced = _writer(
        fastavro.schema.parse_schema(forced_schema) if isinstance(forced_schema, dict) else forced_schema,
        {
            "diaForcedSourceId": part.forced_id.tolist(),
            "diaObjectId": part.objects.object_id[forced_owner].tolist(),
            **_common(part, h.measured),
        },
    )
    objects = _objects(part)
    for start in range(0, len(order), 1024):
        out = []
        for k in order[start : start + 1024].tolist():
            first, low, high = h.first[k], h.forced_start[k], h.forced_stop[k]
            out.append(
                b"".join(
                    (
                        _long(int(part.source_id[k])),
                        sources[k],
                        b"\x02",
                        _array(sources[first:k]),
                        b"\x02" + _array(forced[low:high]) if h.forced[k] else b"\x00",
                        b"\x02",
                        objects[h.owner[k]],
                    )
                )
            )
        yield Packets.of(out)


def _array(items: list[bytes]) -> bytes:
    return _long(len(items)) + b"".join(items) + b"\x00" if items else b"\x00"


def _long(value: int) -> bytes:
    zigzag, out = (value << 1) ^ (value >> 63), bytearray()
    while zigzag > 127:
        out.append(zigzag & 127 | 128)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


def decode(packets: Packets, published: NDArray[np.int64]) -> tuple[AlertBatch, list[tuple[int, str]]]:
    """The AlertBatch of packets, and (row, reason) of those that are malformed and left out."""
    records, wrong, kept = [], [], []
    for i, raw in enumerate(packets):
        stream = io.BytesIO(raw)
        try:
            record: Any = fastavro.schemaless_reader(stream, ALERT, None)
            if stream.tell() != len(raw):
                raise ValueError(f"{len(raw) - stream.tell()} bytes behind the record")
            if record["diaObject"] is None:
                raise ValueError("no diaObject")
        except Exception as error:  # fastavro raises what its readers stumble on
            wrong.append((i, f"expected an ELAsTiCC v0.9.1 alert, got {type(error).__name__}: {error}"))
            continue
        records.append(record)
        kept.append(i)
    return batch(records, published[kept]), wrong


def batch(records: list[Any], published: NDArray[np.int64]) -> AlertBatch:
    """The AlertBatch of decoded alerts (dicts of ELAsTiCC v0.9 or v0.9.1)."""
    rows: list[tuple[float, int, float, float, bool]] = []
    offsets = [0]
    index = {FILTERS[b]: i for i, b in enumerate(BANDS)} | {b: i for i, b in enumerate(BANDS)}
    for r in records:
        sources = [*(r["prvDiaSources"] or ()), r["diaSource"]]
        for forced, listed in ((False, sources), (True, r["prvDiaForcedSources"] or ())):
            for s in listed:
                rows.append(
                    (s["midPointTai"], index.get(s["filterName"], -1), s["psFlux"], s["psFluxErr"], forced)
                )
        offsets.append(len(rows))
    mjd, band, flux, error, forced_flags = zip(*rows, strict=True) if rows else ((),) * 5
    objects = [r["diaObject"] for r in records]
    return AlertBatch(
        offsets=np.array(offsets, "i8"),
        alert_id=np.array([r["alertId"] for r in records], "i8"),
        source_id=np.array([r["diaSource"]["diaSourceId"] for r in records], "i8"),
        object_id=np.array([o["diaObjectId"] for o in objects], "i8"),
        published=published.astype("i8"),
        ra=np.array([o["ra"] for o in objects], "f8"),
        dec=np.array([o["decl"] for o in objects], "f8"),
        mwebv=_column(objects, "mwebv"),
        z_final=_column(objects, "z_final"),
        z_final_err=_column(objects, "z_final_err"),
        mjd=np.array(mjd, "f8"),
        band=np.array(band, "i1"),
        flux=np.array(flux, "f4"),
        flux_err=np.array(error, "f4"),
        forced=np.array(forced_flags, "?"),
        host=_hosts(objects, "hostgal"),
        host2=_hosts(objects, "hostgal2"),
    )


def _column(objects: list[Any], field: str) -> NDArray[np.float32]:
    values = np.array([o[field] for o in objects], "f4")  # None becomes NaN
    unknown = np.isin(values, (*SENTINELS, 99.0, 999.0) if "_mag" in field else SENTINELS)
    return np.where(unknown, np.float32(np.nan), values)


def _hosts(objects: list[Any], prefix: str) -> Hosts:
    arrays = {}
    for c in columns(Hosts):
        fields = [f"{prefix}_{suffix}" for suffix, (name, _) in HOST.items() if name == c.name]
        values = [_column(objects, f) for f in fields]
        arrays[c.name] = (np.stack(values, axis=1) if c.width else values[0]).astype(c.dtype)
    return Hosts(**arrays)


SCHEMA = Schema("elasticc_v0_9_1", "bare", ALERT, encode, decode)
