"""Small alert batches: four kinds of light curve that a forest can tell apart."""

from __future__ import annotations

import dataclasses

import numpy as np

from brokerbench.tables import AlertBatch, Hosts

CLASSES = np.array([2222, 2224, 2232, 2332], "i4")


def make_hosts(n: int, rng: np.random.Generator, none: np.ndarray) -> Hosts:
    """Galaxies, all NaN where `none`."""

    def of(width: int | None = None) -> np.ndarray:
        values = rng.uniform(0.1, 1, n if width is None else (n, width))
        return np.where(none if width is None else none[:, None], np.nan, values).astype("f4")

    return Hosts(
        ra=of().astype("f8"),
        dec=of().astype("f8"),
        sep=of() * 3,
        ellipticity=of(),
        sqradius=of() * 9,
        zspec=of(),
        zspec_err=of(),
        zphot=of(),
        zphot_err=of(),
        zphot_q=of(11),
        mag=20 + of(6),
        mag_err=of(6),
    )


def make_batch(n: int, seed: int, *, points: int = 20) -> tuple[AlertBatch, np.ndarray]:
    """n alerts and their class ids; histories of sources and forced photometry that share visits."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, n)
    times, bands, fluxes, forced, counts = [], [], [], [], []
    for i in range(n):
        m = int(rng.integers(1, points + 1))
        t = np.sort(60000 + np.round(rng.uniform(0, 200, m), 5))
        b = rng.integers(0, 6, m)
        for k in np.flatnonzero(rng.random(m) < 0.2):  # a second visit in the same night
            if k and (k + 1 == m or t[k - 1] + 0.02 < t[k + 1]):
                t[k], b[k] = t[k - 1] + 0.02, b[k - 1]
        width = (8.0, 40.0, 2.0, 1e4)[kind[i]]
        f = 1000 * np.exp(-0.5 * ((t - 60100) / width) ** 2) * (1 + 0.2 * (b - 2)) + rng.normal(0, 40, m)
        seen = (f > 200) | (np.arange(m) == m - 1)
        known = np.arange(m) < rng.integers(0, m + 1)  # forced photometry lags behind
        times += [t[seen], t[known]]
        bands += [b[seen], b[known]]
        fluxes += [f[seen], f[known]]
        forced += [np.zeros(seen.sum(), bool), np.ones(known.sum(), bool)]
        counts.append(seen.sum() + known.sum())
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype("i8")
    none = rng.random(n) < 0.3
    batch = AlertBatch(
        offsets=offsets,
        alert_id=rng.choice(1 << 40, n, replace=False),
        source_id=rng.choice(1 << 40, n, replace=False),
        object_id=rng.choice(1 << 40, n, replace=False),
        published=np.zeros(n, "i8"),
        ra=rng.uniform(0, 360, n),
        dec=rng.uniform(-60, 0, n),
        mwebv=rng.uniform(0, 0.3, n).astype("f4"),
        z_final=np.where(none, np.nan, rng.uniform(0, 1, n)).astype("f4"),
        z_final_err=np.where(none, np.nan, 0.1).astype("f4"),
        mjd=_joined(times, "f8"),
        band=_joined(bands, "i1"),
        flux=_joined(fluxes, "f4"),
        flux_err=np.full(offsets[-1], 40, "f4"),
        forced=_joined(forced, "?"),
        host=make_hosts(n, rng, none),
        host2=make_hosts(n, rng, none | (rng.random(n) < 0.5)),
    )
    return batch, CLASSES[kind]


def one_alert(
    mjd: list[float],
    flux: list[float],
    *,
    band: list[int] | None = None,
    forced: list[bool] | None = None,
    flux_err: list[float] | None = None,
) -> AlertBatch:
    """A batch of one alert with this history and no host."""
    m = len(mjd)
    template, _ = make_batch(1, 0)
    nothing = make_hosts(1, np.random.default_rng(0), np.ones(1, bool))
    return dataclasses.replace(
        template,
        offsets=np.array([0, m]),
        mjd=np.array(mjd, "f8"),
        band=np.array([2] * m if band is None else band, "i1"),
        flux=np.array(flux, "f4"),
        flux_err=np.array([1.0] * m if flux_err is None else flux_err, "f4"),
        forced=np.array([False] * m if forced is None else forced, "?"),
        host=nothing,
        host2=nothing,
    )


def take(batch: AlertBatch, rows: np.ndarray) -> AlertBatch:
    """The alerts of some rows."""
    counts = np.diff(batch.offsets)[rows]
    items = [np.arange(batch.offsets[i], batch.offsets[i + 1]) for i in rows]
    flat = np.concatenate(items) if items else np.empty(0, "i8")
    ragged = {"mjd", "band", "flux", "flux_err", "forced"}
    arrays = {k: v[flat] if k in ragged else v[rows] for k, v in batch.as_dict().items() if k != "offsets"}
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype("i8")
    return AlertBatch(offsets=offsets, **arrays, host=batch.host.take(rows), host2=batch.host2.take(rows))


def _joined(pieces: list[np.ndarray], dtype: str) -> np.ndarray:
    return np.concatenate(pieces).astype(dtype) if pieces else np.empty(0, dtype)
