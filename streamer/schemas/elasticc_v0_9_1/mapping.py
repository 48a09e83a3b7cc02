"""The fields of an ELAsTiCC alert from the tables, and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.tables import BANDS, AlertBatch, Hosts
from streamer.codec import Ranges, Spliced, compile_schema
from streamer.packets import Packets
from streamer.schemas.batch import Paths, read_batch
from streamer.schemas.registry import load_avsc
from streamer.schemas.schema import UNKNOWN_HOST, UNKNOWN_REDSHIFT, Part, Schema, names_of

_FOLDER = Path(__file__).parent
ALERT = load_avsc(_FOLDER / "elasticc.v0_9_1.alert.avsc")
CLASSIFICATION = load_avsc(_FOLDER / "elasticc.v0_9_1.brokerClassification.avsc")
CODEC = compile_schema(ALERT)

OBJECT = ("mwebv", "mwebv_err", "z_final", "z_final_err")
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

PATHS = Paths(
    alert_id="alertId",
    source_id="diaSource.diaSourceId",
    object="diaObject",
    of_object={"object_id": "diaObjectId", "ra": "ra", "dec": "decl"}
    | {n: n for n in ("mwebv", "z_final", "z_final_err")},
    source="diaSource",
    earlier="prvDiaSources",
    forced="prvDiaForcedSources",
    measured={"mjd": "midPointTai", "band": "filterName", "flux": "psFlux", "flux_err": "psFluxErr"},
    host={f"hostgal_{suffix}": column for suffix, column in HOST.items()},
    host2={f"hostgal2_{suffix}": column for suffix, column in HOST.items()},
    letters={name: BANDS.index(b) for b in BANDS for name in (b, FILTERS[b])},
)


def _hosts(prefix: str, hosts: Hosts) -> dict[str, NDArray[Any]]:
    values = {}
    for suffix, (column, index) in HOST.items():
        value = getattr(hosts, column)
        values[f"{prefix}_{suffix}"] = (value if index is None else value[:, index]).astype("f4")
    return values


def _measured(part: Part, items: NDArray[np.int64]) -> dict[str, Any]:
    visit = part.light_curves.visit[items]
    return {
        "midPointTai": part.visits.mjd[visit],
        "filterName": names_of([FILTERS.get(b, b) for b in part.bands], part.visits.band[visit]),
        "psFlux": part.light_curves.flux[items],
        "psFluxErr": part.light_curves.flux_err[items],
    }


def records(part: Part) -> tuple[Packets, Packets, Packets]:
    """Every source, forced source and object of a part, encoded once."""
    h, lc, objects = part.histories, part.light_curves, part.objects
    owner = objects.object_id[h.owner]
    forced_owner = np.searchsorted(lc.offsets, h.measured, "right") - 1
    sources = {
        "diaSourceId": part.source_id,
        "diaObjectId": owner,
        "ra": objects.ra[h.owner],
        "decl": objects.dec[h.owner],
        "snr": lc.flux[h.sources] / lc.flux_err[h.sources],
        **_measured(part, h.sources),
    }
    forced = {
        "diaForcedSourceId": part.forced_id,
        "diaObjectId": objects.object_id[forced_owner],
        **_measured(part, h.measured),
    }
    return (
        CODEC.at("diaSource").encode(sources, len(h.sources)),
        CODEC.at("prvDiaForcedSources[]").encode(forced, len(h.measured)),
        Packets.concat([_objects(part, unknown) for unknown in _variants(part)]),
    )


def _variants(part: Part) -> list[int]:
    """The kinds of not knowing that occur, ascending; knowing everything among them."""
    return sorted({0, *np.unique(part.unknown).tolist()})


def _objects(part: Part, unknown: int) -> Packets:
    """Every object of a part as it stands while something of it is not known yet."""
    objects, nothing = part.objects, np.full(len(part.objects), np.nan, "f4")
    about = {
        "diaObjectId": objects.object_id,
        "ra": objects.ra,
        "decl": objects.dec,
        **{name: getattr(objects, name) for name in OBJECT},
        **_hosts("hostgal", part.hosts),
        **_hosts("hostgal2", part.hosts2),
    }
    hidden = set()
    if unknown & UNKNOWN_REDSHIFT:
        hidden |= {"z_final", "z_final_err"} | {n for n in about if "_zspec" in n}
    if unknown & UNKNOWN_HOST:
        hidden |= {n for n in about if n.startswith("hostgal")}
    return CODEC.at("diaObject").encode(about | dict.fromkeys(hidden, nothing), len(objects))


def encode(part: Part, order: NDArray[np.int64]) -> Iterator[Packets]:
    """The packets of the sources `order`, spliced from records encoded once."""
    h = part.histories
    sources, forced, objects = records(part)
    variant = np.searchsorted(_variants(part), part.unknown[order])
    owner = variant * len(part.objects) + h.owner[order]
    columns = {
        "alertId": part.source_id[order],
        "diaSource": Spliced(sources, order, order + 1),
        "prvDiaSources": Spliced(sources, h.first[order], order),
        "prvDiaForcedSources?": h.forced[order].astype("u1"),
        "prvDiaForcedSources": Spliced(forced, h.forced_start[order], h.forced_stop[order]),
        "diaObject": Spliced(objects, owner, owner + 1),
    }
    return CODEC.encoder(columns, len(order)).packets(512)


def decode(
    packets: Packets | Ranges, published: NDArray[np.int64]
) -> tuple[AlertBatch, list[tuple[int, str]]]:
    """The AlertBatch of packets, and (row, reason) of those that are malformed and left out."""
    return read_batch(CODEC, PATHS, packets, published)


SCHEMA = Schema("elasticc_v0_9_1", "bare", ALERT, encode, decode)
