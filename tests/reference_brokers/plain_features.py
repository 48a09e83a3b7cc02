"""The features again, one alert at a time, in plain Python: the oracle of the compiled pass."""

from __future__ import annotations

import math

import numpy as np

from brokerbench.tables import AlertBatch

NAN = math.nan


def plain_features(batch: AlertBatch) -> np.ndarray:
    """f8[n, F] as the definitions in features.py say."""
    return np.array([plain_row(batch, i) for i in range(len(batch))])


def plain_row(batch: AlertBatch, i: int) -> list[float]:
    span = slice(batch.offsets[i], batch.offsets[i + 1])
    rows = list(
        zip(
            batch.mjd[span].tolist(),
            batch.band[span].tolist(),
            batch.flux[span].astype("f8").tolist(),
            batch.flux_err[span].astype("f8").tolist(),
            batch.forced[span].tolist(),
            strict=True,
        )
    )
    visits: dict[tuple[float, int], tuple[float, int, float, float, bool]] = {}
    for t, b, f, e, forced in sorted(rows, key=lambda r: (r[0], r[4])):
        if (
            math.isfinite(f) and math.isfinite(t) and 0 < e < math.inf and (t, b) not in visits
        ):  # a source comes before its forced twin
            visits[t, b] = (t, b, f, e, not forced)
    points = sorted(visits.values())
    seen = [p for p in points if p[4]]
    context = plain_context(batch, i)
    if not seen:
        return [0, len(points), *[NAN] * (30 - 2 + 36 + 7 + 10), *context]
    peak = max(seen, key=lambda p: abs(p[2]))
    top = abs(peak[2])
    row = plain_history(points, seen, peak, top)
    for b in (1, 2, 3, 4):
        row += plain_band([p for p in points if p[1] == b], peak[0], top)
    row += plain_structure(points)
    row += plain_colours(points, peak[0] - 5, peak[0] + 5, peak[0])
    row += plain_colours(points, seen[-1][0] - 5, seen[-1][0], seen[-1][0])
    return row + context


def plain_history(points: list, seen: list, peak: tuple, top: float) -> list[float]:
    times = [p[0] for p in seen]
    gaps = np.diff(times)
    before = [p for p in points if p[0] < times[0]]
    snr = [p[2] / p[3] for p in points]
    snr_before = [p[2] / p[3] for p in before]
    bright = [p[0] for p in points if p[2] / p[3] > 5]
    away = [t - peak[0] for t in times]
    others = [abs(p[2]) / top for p in seen if abs(p[0] - peak[0]) > 0.5]
    changes = []
    for k, p in enumerate(points):
        earlier = [q for q in points[:k] if q[1] == p[1]]
        if earlier and p[0] - earlier[-1][0] < 0.5:
            q = earlier[-1]
            changes.append(abs(p[2] - q[2]) / math.hypot(p[3], q[3]))
    return [
        len(seen),
        len(points),
        len(seen) / len(points),
        1 + sum(g > 0.5 for g in gaps),
        len({p[1] for p in seen}),
        sum(p[2] > 0 for p in seen) / len(seen),
        times[-1] - times[0],
        peak[0] - times[0],
        times[-1] - peak[0],
        times[0] - before[-1][0] if before else NAN,
        max(gaps, default=NAN),
        gaps[-1] if len(gaps) else NAN,
        math.asinh(max(p[2] for p in seen) / 100),
        math.asinh(min(p[2] for p in seen) / 100),
        seen[-1][2] / top,
        seen[0][2] / top,
        max(others, default=NAN),
        math.log10(math.sqrt(sum(s * s for s in snr))),
        math.log10(max(abs(s) for s in snr)),
        sum(abs(s) < 3 for s in snr) / len(snr),
        bright[-1] - bright[0] if bright else NAN,
        *(sum(-d <= a < 0 for a in away) for d in (20, 50, 100)),
        *(sum(0 < a <= d for a in away) for d in (20, 50, 100)),
        float(np.mean(snr_before)) if before else NAN,
        float(np.mean(np.square(snr_before))) if before else NAN,
        max(changes, default=NAN),
    ]


def plain_band(points: list, t_peak: float, top: float) -> list[float]:
    if not points:
        return [0, *[NAN] * 8]
    t, f, e = (np.array([p[k] for p in points]) for k in (0, 2, 3))
    n = len(t)
    mean = np.average(f, weights=e**-2)
    k = int(np.argmax(np.abs(f)))
    low, high = k, k
    while low > 0 and abs(f[low - 1]) >= abs(f[k]) / 2:
        low -= 1
    while high < n - 1 and abs(f[high + 1]) >= abs(f[k]) / 2:
        high += 1
    slopes = [abs(f[j + 1] - f[j]) / (t[j + 1] - t[j]) / top for j in range(n - 1) if t[j + 1] - t[j] > 0.5]
    row = [n, mean / top, NAN, NAN, t[k] - t_peak, max(slopes, default=NAN), t[high] - t[low], NAN, NAN]
    if n > 1:
        square = np.sum((f - mean) ** 2)
        row[2] = math.sqrt(max(square / (n - 1) - np.mean(e**2), 0)) / top
        row[3] = math.log10(max(np.sum(((f - mean) / e) ** 2) / (n - 1), 1e-3))
        row[7] = np.mean(np.diff(f) ** 2) / (square / n) if square > 0 else NAN
        row[8] = np.mean((f - mean) ** 3) / (square / n) ** 1.5 if square > 0 else NAN
    return row


def plain_structure(points: list) -> list[float]:
    edges = (0.005, 0.1, 0.6, 3, 10, 30, 100, 400)
    bins: list[list[float]] = [[] for _ in edges[1:]]
    for b in (1, 2, 3, 4):
        t, f, e = (np.array([p[k] for p in points if p[1] == b]) for k in (0, 2, 3))
        if len(t) < 3 or np.var(f) == 0:
            continue
        for i in range(len(t)):
            for j in range(max(i - 48, 0), i):
                k = int(np.searchsorted(edges, t[i] - t[j], side="right")) - 1
                if 0 <= k < len(bins):
                    bins[k].append(((f[i] - f[j]) ** 2 - e[i] ** 2 - e[j] ** 2) / (2 * np.var(f)))
    return [float(np.mean(x)) if x else NAN for x in bins]


def plain_colours(points: list, begin: float, end: float, centre: float) -> list[float]:
    near: list[float] = []
    for b in range(6):
        mine = [p for p in points if p[1] == b and begin <= p[0] <= end]
        near.append(min(mine, key=lambda p: abs(p[0] - centre))[2] if mine else NAN)
    pairs = zip(near[:-1], near[1:], strict=True)
    return [a / (abs(a) + abs(b)) if abs(a) + abs(b) > 0 else NAN for a, b in pairs]


def plain_context(batch: AlertBatch, i: int) -> list[float]:
    host, host2 = batch.host, batch.host2
    mag = host.mag[i]
    return [
        batch.mwebv[i],
        batch.z_final[i],
        batch.z_final_err[i],
        host.zphot[i],
        host.zphot_err[i],
        host.sep[i],
        host.sep[i] / math.sqrt(host.sqradius[i]),
        mag[2],
        mag[1] - mag[2],
        mag[2] - mag[3],
        float(math.isnan(host.sep[i])),
        host2.sep[i],
    ]
