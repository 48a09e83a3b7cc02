"""ANTARES filters as brokers: the part of a locus that a filter touches, made from an alert."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.tables import BANDS, AlertBatch
from brokerbench.taxonomy import RESIDUAL
from reference_brokers.adapters import with_residual

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FilterBroker", "Locus", "LocusAlert"]

Scalar = str | int | float


@dataclass(frozen=True)
class LocusAlert:
    """One measurement: id, mjd and properties with the names of the packet."""

    id: str
    mjd: float
    properties: Mapping[str, Scalar]


@dataclass
class Locus:
    """What a filter sees of an object, and where it leaves its tags and properties."""

    id: str
    ra: float
    dec: float
    alerts: list[LocusAlert]
    properties: dict[str, Scalar] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    catalog_objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def alert(self) -> LocusAlert:
        """The latest alert."""
        return self.alerts[-1]

    def tag(self, name: str) -> None:
        """Add a tag, once."""
        if name not in self.tags:
            self.tags.append(name)

    def set_property(self, name: str, value: Scalar) -> None:
        """Set a property: text or a number."""
        if not isinstance(value, str | int | float | np.integer | np.floating):
            raise InputError(f"locus: expected text or a number for {name}, got {type(value).__name__}")
        self.properties[name] = value

    @cached_property
    def lightcurve(self) -> pd.DataFrame:
        """The measurements: mjd, band, flux, flux_err (nJy), forced; made when it is asked for."""
        import pandas as pd

        rows = [{"mjd": a.mjd, **a.properties} for a in self.alerts]
        return pd.DataFrame(rows)


@dataclass(frozen=True)
class FilterBroker:
    """An ANTARES filter: an object with run(locus) or _run(locus), and what its outcome means.

    meaning: from the locus after the filter to {class id: probability}. A locus without the tags or
    properties that the filter requires (REQUIRED_TAGS, REQUIRED_LOCUS_PROPERTIES) is not shown to it and
    is Residual.
    """

    name: str
    version: str
    known: tuple[int, ...]
    filter: Any
    meaning: Callable[[Locus], Mapping[int, float]]

    @property
    def classes(self) -> tuple[int, ...]:
        """The declared classes, and Residual."""
        return (*self.known, RESIDUAL)

    def classify(self, batch: AlertBatch) -> NDArray[np.float32]:
        """Probabilities f4[n, C] of n alerts, asked one by one."""
        run = getattr(self.filter, "_run", None) or getattr(self.filter, "run", None)
        if run is None:
            raise InputError(
                f"{self.name}: expected a filter with run(locus), got {type(self.filter).__name__}"
            )
        dense = np.zeros((len(batch), len(self.known)))
        for i in range(len(batch)):
            locus = locus_of(batch, i)
            if not self._takes(locus):
                continue
            run(locus)
            for class_id, probability in self.meaning(locus).items():
                if class_id not in self.known:
                    raise InputError(
                        f"{self.name}: expected classes {self.known}, got {class_id}; declare it"
                    )
                dense[i, self.known.index(class_id)] = probability
        return with_residual(dense, self.name)

    def _takes(self, locus: Locus) -> bool:
        tags = getattr(self.filter, "REQUIRED_TAGS", ())
        properties = getattr(self.filter, "REQUIRED_LOCUS_PROPERTIES", ())
        return set(tags) <= set(locus.tags) and set(properties) <= set(locus.properties)


def locus_of(batch: AlertBatch, i: int) -> Locus:
    """The locus of one alert: its history in order of time, every visit once, the trigger last."""
    span = slice(batch.offsets[i], batch.offsets[i + 1])
    mjd, band, forced = batch.mjd[span], batch.band[span], batch.forced[span]
    order = np.lexsort((forced, band, mjd))
    twin = np.zeros(len(order), bool)
    twin[1:] = (np.diff(mjd[order]) == 0) & (np.diff(band[order]) == 0)
    alerts = [
        LocusAlert(
            id=f"{batch.object_id[i]}:{k}",
            mjd=float(mjd[k]),
            properties={
                "band": BANDS[band[k]],
                "flux": float(batch.flux[span][k]),
                "flux_err": float(batch.flux_err[span][k]),
                "forced": bool(forced[k]),
            },
        )
        for k in order[~twin]
    ]
    known = {"mwebv": batch.mwebv[i], "z_final": batch.z_final[i], "host_sep": batch.host.sep[i]}
    properties: dict[str, Scalar] = {k: float(v) for k, v in known.items() if np.isfinite(v)}
    return Locus(str(batch.object_id[i]), float(batch.ra[i]), float(batch.dec[i]), alerts, properties)
