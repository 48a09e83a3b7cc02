"""Small scenes that the tests of this room share."""

from __future__ import annotations

from typing import Any

import numpy as np

from brokerbench.tables import Visits
from simulate import CadenceChoice, Population, Simulation, Survey
from simulate.photometry import Passbands, lsst
from simulate.source import Scene


def scene(z: Any, t0: Any, mjd: Any, band: Any, passbands: Passbands | None = None) -> Scene:
    """Every object is seen at the same times in the same bands."""
    z, t0 = np.atleast_1d(np.asarray(z, "f8")), np.atleast_1d(np.asarray(t0, "f8"))
    mjd, band = np.asarray(mjd, "f8"), np.asarray(band, "i1")
    n = len(z)
    from simulate.rates import distance_modulus

    modulus = np.where(z > 0, distance_modulus(np.maximum(z, 1e-6)), np.nan)
    return Scene(
        z=z,
        distance_modulus=modulus,
        t0=np.broadcast_to(t0, n).copy(),
        offsets=np.arange(n + 1, dtype="i8") * len(mjd),
        mjd=np.tile(mjd, n),
        band=np.tile(band, n),
        passbands=passbands or lsst(),
    )


def visits(mjd: Any, ra: Any, dec: Any, band: Any = 2, m5: Any = 24.5) -> Visits:
    """A plan from a few columns."""
    mjd = np.asarray(mjd, "f8")
    n = len(mjd)

    def column(value: Any, dtype: str) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype), n).copy()

    return Visits(
        visit_id=np.arange(n),
        mjd=mjd,
        ra=column(ra, "f8"),
        dec=column(dec, "f8"),
        band=column(band, "i1"),
        exposure=column(30.0, "f4"),
        seeing=column(0.8, "f4"),
        m5=column(m5, "f4"),
        sky=column(21.0, "f4"),
        airmass=column(1.1, "f4"),
        night=np.floor(mjd - mjd.min()).astype("i4") if n else np.zeros(0, "i4"),
    )


def small_simulation(**changes: Any) -> Simulation:
    """Two classes over three fields and four months."""
    settings: dict[str, Any] = {
        "name": "small",
        "seed": 7,
        "survey": Survey(cadence=CadenceChoice(use="synthetic_wfd", options={"years": 0.4, "fields": 3})),
        "population": [
            Population(source="sn_ia", count=30, redshift=(0.02, 0.3)),
            Population(source="rr_lyrae", count=20),
        ],
    }
    return Simulation(**(settings | changes))
