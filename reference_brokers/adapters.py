"""Classifiers that were written for other brokers' interfaces, as brokers of this harness.

Each adapter is an object with name, version, classes and classify. What an answer leaves over goes to
Residual (200), the last of its classes, so that rows sum to 1. An answer that is not one (a class that
was not declared, a probability outside 0..1, a sum above 1) raises InputError: nothing is repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.tables import BANDS, AlertBatch
from brokerbench.taxonomy import RESIDUAL

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ColumnBroker", "FrameBroker", "RecordBroker", "frames_of"]

TOLERANCE = 1e-4
"""How far above 1 the sum of an answer may lie: roundings of float32."""


@dataclass(frozen=True)
class RecordBroker:
    """A function of one alert as a dict: {class id: probability}. AMPEL's units and most scripts are so.

    The dict holds what `AlertBatch.as_records` gives: ids, ra, dec, mwebv, z_final, the history as
    arrays (mjd, band, flux, flux_err, forced), and the host and host2 as dicts.
    """

    name: str
    version: str
    known: tuple[int, ...]
    function: Callable[[dict[str, Any]], Mapping[int, float]]

    @property
    def classes(self) -> tuple[int, ...]:
        """The declared classes, and Residual."""
        return (*self.known, RESIDUAL)

    def classify(self, batch: AlertBatch) -> NDArray[np.float32]:
        """Probabilities f4[n, C] of n alerts, asked one by one."""
        dense = np.zeros((len(batch), len(self.known)))
        column = {class_id: k for k, class_id in enumerate(self.known)}
        for i, record in enumerate(batch.as_records()):
            for class_id, probability in self.function(record).items():
                if class_id not in column:
                    raise InputError(
                        f"{self.name}: expected classes {self.known}, got {class_id}; declare it"
                    )
                dense[i, column[class_id]] = probability
        return with_residual(dense, self.name)


@dataclass(frozen=True)
class FrameBroker:
    """A function of two DataFrames: measurements and context. ALeRCE's classifiers are so.

    It gets what `frames_of` gives, and returns a DataFrame indexed by alert_id with a column for each
    class id; alerts that it leaves out are Residual.
    """

    name: str
    version: str
    known: tuple[int, ...]
    function: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]

    @property
    def classes(self) -> tuple[int, ...]:
        """The declared classes, and Residual."""
        return (*self.known, RESIDUAL)

    def classify(self, batch: AlertBatch) -> NDArray[np.float32]:
        """Probabilities f4[n, C] of n alerts."""
        answer = self.function(*frames_of(batch))
        undeclared = [c for c in answer.columns if c not in self.known]
        if undeclared:
            raise InputError(f"{self.name}: expected classes {self.known}, got {undeclared}; declare them")
        dense = answer.reindex(index=batch.alert_id, columns=list(self.known), fill_value=0.0)
        return with_residual(dense.to_numpy("f8"), self.name)


@dataclass(frozen=True)
class ColumnBroker:
    """A function of Series of arrays that gives the score of one class. Fink's science modules are so.

    arguments: names of the Series, in order: cmidPointTai, cfilterName, cpsFlux, cpsFluxErr (the
    history of each alert, every visit once, in order of time), or any plain column of AlertBatch.
    """

    name: str
    version: str
    known: tuple[int, ...]
    function: Callable[..., Any]
    arguments: Sequence[str] = ("cmidPointTai", "cfilterName", "cpsFlux", "cpsFluxErr")

    @property
    def classes(self) -> tuple[int, ...]:
        """The declared class, and Residual."""
        return (*self.known, RESIDUAL)

    def classify(self, batch: AlertBatch) -> NDArray[np.float32]:
        """Probabilities f4[n, 2] of n alerts."""
        import pandas as pd

        history = _histories(batch)
        plain = {name: value for name, value in batch.as_dict().items() if len(value) == len(batch)}
        columns = []
        for name in self.arguments:
            if name not in history and name not in plain:
                known = ", ".join([*history, *plain])
                raise InputError(f"{self.name}: expected an argument among {known}, got {name!r}")
            columns.append(pd.Series(history[name] if name in history else plain[name]))
        score = np.asarray(self.function(*columns), dtype="f8")
        if score.shape != (len(batch),):
            raise InputError(
                f"{self.name}: expected {len(batch)} scores, one an alert, got shape {score.shape}"
            )
        return with_residual(score[:, None], self.name)


def frames_of(batch: AlertBatch) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measurements (alert_id, object_id, mjd, band, flux, flux_err, forced) and context, one row an alert.

    Fluxes in nJy, bands as letters. Context is indexed by alert_id: object_id, ra, dec, mwebv, z_final and
    its error, and the columns of host_ and host2_ without their quantiles.
    """
    import pandas as pd

    counts = np.diff(batch.offsets)
    measurements = pd.DataFrame(
        {
            "alert_id": np.repeat(batch.alert_id, counts),
            "object_id": np.repeat(batch.object_id, counts),
            "mjd": batch.mjd,
            "band": np.array(BANDS)[batch.band],
            "flux": batch.flux,
            "flux_err": batch.flux_err,
            "forced": batch.forced,
        }
    )
    plain = ("object_id", "ra", "dec", "mwebv", "z_final", "z_final_err")
    context: dict[str, NDArray[Any]] = {name: getattr(batch, name) for name in plain}
    for prefix, host in (("host", batch.host), ("host2", batch.host2)):
        for name, value in host.as_dict().items():
            if value.ndim == 1:
                context[f"{prefix}_{name}"] = value
            elif value.shape[1] == len(BANDS):
                context |= {f"{prefix}_{name}_{b}": value[:, k] for k, b in enumerate(BANDS)}
    return measurements, pd.DataFrame(context, index=pd.Index(batch.alert_id, name="alert_id"))


def with_residual(dense: NDArray[np.float64], name: str) -> NDArray[np.float32]:
    """Probabilities f4[n, C + 1]: what each row leaves over of 1 is its last column."""
    total = dense.sum(axis=1)
    wrong = ~((dense >= 0).all(axis=1) & (total <= 1 + TOLERANCE))
    if wrong.any():
        row = dense[int(np.flatnonzero(wrong)[0])].tolist()
        raise InputError(f"{name}: expected probabilities between 0 and 1 with a sum of at most 1, got {row}")
    rest = np.maximum(1 - total, 0)
    full = np.column_stack([dense, rest])
    return (full / full.sum(axis=1, keepdims=True)).astype("f4")


def _histories(batch: AlertBatch) -> dict[str, list[NDArray[Any]]]:
    """Fink's concatenated columns: an array an alert, every visit once, in order of time."""
    names = ("cmidPointTai", "cfilterName", "cpsFlux", "cpsFluxErr")
    out: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    letters = np.array(["u", "g", "r", "i", "z", "Y"])  # as on the wire of ELAsTiCC
    for a, b in zip(batch.offsets[:-1], batch.offsets[1:], strict=True):
        span = slice(a, b)
        order = np.lexsort((batch.forced[span], batch.band[span], batch.mjd[span]))
        mjd, band = batch.mjd[span][order], batch.band[span][order]
        first = np.ones(len(mjd), bool)
        first[1:] = (np.diff(mjd) != 0) | (np.diff(band) != 0)
        flux, err = batch.flux[span][order], batch.flux_err[span][order]
        for name, value in zip(names, (mjd, letters[band], flux, err), strict=True):
            out[name].append(value[first])
    return out
