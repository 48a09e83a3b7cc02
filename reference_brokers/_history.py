"""The compiled pass over an alert's history that `features` makes. Names of the numbers: features.py."""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["BANDS_USED", "COLOUR_WINDOW", "NIGHT", "N_BAND", "N_HISTORY", "SAME_VISIT", "fill"]

N_HISTORY = 30
"""Numbers that describe the whole history."""

N_BAND = 9
"""Numbers that describe one band."""

LAGS = (0.005, 0.1, 0.6, 3.0, 10.0, 30.0, 100.0, 400.0)
"""Edges in days of the bins of the structure function."""

REACH = 48
"""Earlier measurements that each one is compared with in the structure function."""

BANDS_USED = (1, 2, 3, 4)
"""Bands that are described one by one: g r i z."""

SAME_VISIT = 1e-6
"""Days within which a source and a forced measurement of one band are the same visit."""

NIGHT = 0.5
"""Days without an observation that end a night."""

COLOUR_WINDOW = 5.0
"""Days around the peak, or before the last detection, in which a band counts for a colour."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fill(offsets, mjd, band, flux, err, forced, out):  # type: ignore[no-untyped-def]
    longest = 0
    for i in range(len(out)):
        longest = max(longest, offsets[i + 1] - offsets[i])
    time, value, error = np.empty(longest), np.empty(longest), np.empty(longest)
    which, seen = np.empty(longest, np.int8), np.empty(longest, np.bool_)
    for i in range(len(out)):
        lo, hi = offsets[i], offsets[i + 1]
        n = _merge(
            mjd[lo:hi], band[lo:hi], flux[lo:hi], err[lo:hi], forced[lo:hi], time, which, value, error, seen
        )
        _describe(time[:n], which[:n], value[:n], error[:n], seen[:n], out[i])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _merge(mjd, band, flux, err, forced, time, which, value, error, seen):  # type: ignore[no-untyped-def]
    """Usable measurements in order of time, each visit once; how many there are."""
    n = 0
    order = np.argsort(mjd, kind="mergesort") if not _is_two_runs(mjd, forced) else _two_runs(mjd, forced)
    for k in order:
        if not (np.isfinite(mjd[k]) and np.isfinite(flux[k]) and 0 < err[k] < np.inf):
            continue
        twin = -1
        j = n - 1
        while j >= 0 and mjd[k] - time[j] <= SAME_VISIT:
            if which[j] == band[k]:
                twin = j
            j -= 1
        if twin >= 0:
            if not forced[k] and not seen[twin]:
                value[twin], error[twin], seen[twin] = flux[k], err[k], True
            continue
        time[n], which[n], value[n], error[n], seen[n] = mjd[k], band[k], flux[k], err[k], not forced[k]
        n += 1
    return n


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _is_two_runs(mjd, forced):  # type: ignore[no-untyped-def]
    """Whether the history is sources in order of time and then forced measurements in order of time."""
    if not np.isfinite(mjd).all():
        return False
    for k in range(1, len(mjd)):
        if forced[k] < forced[k - 1] or (forced[k] == forced[k - 1] and mjd[k] < mjd[k - 1]):
            return False
    return True


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _two_runs(mjd, forced):  # type: ignore[no-untyped-def]
    """Order of time of two sorted runs, merged."""
    n = len(mjd)
    a, b = 0, 0
    while b < n and not forced[b]:
        b += 1
    end = b
    order = np.empty(n, np.int64)
    for k in range(n):
        if a < end and (b >= n or mjd[a] <= mjd[b]):
            order[k] = a
            a += 1
        else:
            order[k] = b
            b += 1
    return order


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _describe(time, which, value, error, seen, out):  # type: ignore[no-untyped-def]
    n_seen, first, last, peak = 0, -1, -1, -1
    for k in range(len(time)):
        if seen[k]:
            n_seen += 1
            last = k
            if first < 0:
                first = k
            if peak < 0 or abs(value[k]) > abs(value[peak]):
                peak = k
    out[0], out[1] = n_seen, len(time)
    if n_seen == 0:
        return
    top = abs(value[peak])
    _describe_detections(time, which, value, seen, first, last, peak, out)
    _describe_measurements(time, which, value, error, first, out)
    at = N_HISTORY
    for b in BANDS_USED:
        _describe_band(time, which, value, error, b, time[peak], top, out[at : at + N_BAND])
        at += N_BAND
    _structure(time, which, value, error, out[at : at + len(LAGS) - 1])
    at += len(LAGS) - 1
    _colours(
        time,
        which,
        value,
        time[peak] - COLOUR_WINDOW,
        time[peak] + COLOUR_WINDOW,
        time[peak],
        out[at : at + 5],
    )
    _colours(time, which, value, time[last] - COLOUR_WINDOW, time[last], time[last], out[at + 5 : at + 10])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _describe_detections(time, which, value, seen, first, last, peak, out):  # type: ignore[no-untyped-def]
    nights, bands, positive, gap, gap_last = 1, 0, 0, np.nan, np.nan
    high, low, second, previous = -np.inf, np.inf, np.nan, -1
    counts = np.zeros(6)
    top = abs(value[peak])
    for k in range(first, last + 1):
        if not seen[k]:
            continue
        bands |= 1 << which[k]
        positive += value[k] > 0
        high, low = max(high, value[k]), min(low, value[k])
        if previous >= 0:
            gap_last = time[k] - time[previous]
            gap = gap_last if not gap > gap_last else gap
            nights += gap_last > NIGHT
        previous = k
        away = time[k] - time[peak]
        if abs(away) > NIGHT and not second > abs(value[k]) / top:
            second = abs(value[k]) / top
        for j, days in enumerate((20.0, 50.0, 100.0)):
            counts[j] += -days <= away < 0
            counts[3 + j] += 0 < away <= days
    n_bands = 0
    for b in range(6):
        n_bands += (bands >> b) & 1
    out[2], out[3], out[4], out[5] = out[0] / out[1], nights, n_bands, positive / out[0]
    out[6] = time[last] - time[first]
    out[7], out[8] = time[peak] - time[first], time[last] - time[peak]
    out[9] = time[first] - time[first - 1] if first > 0 else np.nan
    out[10], out[11] = gap, gap_last
    out[12], out[13] = np.arcsinh(high / 100), np.arcsinh(low / 100)
    out[14], out[15], out[16] = value[last] / top, value[first] / top, second
    out[21:27] = counts


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _describe_measurements(time, which, value, error, first, out):  # type: ignore[no-untyped-def]
    total, best, faint, bright_first, bright_last = 0.0, 0.0, 0, np.nan, np.nan
    before_sum, before_square, change = 0.0, 0.0, np.nan
    latest = np.full(128, -1)
    for k in range(len(time)):
        snr = value[k] / error[k]
        total += snr * snr
        best = max(best, abs(snr))
        faint += abs(snr) < 3
        if snr > 5:
            bright_first = time[k] if np.isnan(bright_first) else bright_first
            bright_last = time[k]
        if k < first:
            before_sum += snr
            before_square += snr * snr
        j = latest[which[k]]
        if j >= 0 and time[k] - time[j] < NIGHT:
            step = abs(value[k] - value[j]) / np.hypot(error[k], error[j])
            change = step if not change > step else change
        latest[which[k]] = k
    out[17], out[18], out[19] = np.log10(np.sqrt(total)), np.log10(best), faint / len(time)
    out[20] = bright_last - bright_first
    if first > 0:
        out[27], out[28] = before_sum / first, before_square / first
    out[29] = change


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _describe_band(time, which, value, error, b, t_peak, top, out):  # type: ignore[no-untyped-def]
    n, weight, mean, peak = 0, 0.0, 0.0, -1
    for k in range(len(time)):
        if which[k] == b:
            n += 1
            w = 1 / (error[k] * error[k])
            weight += w
            mean += w * value[k]
            if peak < 0 or abs(value[k]) > abs(value[peak]):
                peak = k
    out[0] = n
    if n == 0:
        return
    mean /= weight
    out[1], out[4] = mean / top, time[peak] - t_peak
    chi2, square, cube, noise, steps, slope, j = 0.0, 0.0, 0.0, 0.0, 0.0, np.nan, -1
    for k in range(len(time)):
        if which[k] != b:
            continue
        chi2 += ((value[k] - mean) / error[k]) ** 2
        square += (value[k] - mean) ** 2
        cube += (value[k] - mean) ** 3
        noise += error[k] * error[k]
        if j >= 0:
            steps += (value[k] - value[j]) ** 2
            if time[k] - time[j] > NIGHT:
                s = abs(value[k] - value[j]) / (time[k] - time[j]) / top
                slope = s if not slope > s else slope
        j = k
    out[5], out[6] = slope, _half_width(time, which, value, b, peak)
    if n > 1:
        out[2] = np.sqrt(max(square / (n - 1) - noise / n, 0.0)) / top
        out[3] = np.log10(max(chi2 / (n - 1), 1e-3))
        out[7] = steps / (n - 1) / (square / n) if square > 0 else np.nan
        out[8] = cube / n / (square / n) ** 1.5 if square > 0 else np.nan


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _structure(time, which, value, error, out):  # type: ignore[no-untyped-def]
    """Mean square of differences less noise over twice the variance of the band, in bins of lag."""
    n_bins = len(out)
    total, count = np.zeros(n_bins), np.zeros(n_bins)
    mine = np.empty(len(time), np.int64)
    for b in BANDS_USED:
        n, mean, square = 0, 0.0, 0.0
        for k in range(len(time)):
            if which[k] == b:
                mine[n] = k
                n += 1
                mean += value[k]
        if n < 3:
            continue
        mean /= n
        for i in range(n):
            square += (value[mine[i]] - mean) ** 2
        if square <= 0:
            continue
        scale = 2 * square / n
        for i in range(1, n):
            k, bin_ = mine[i], 0
            for j in range(i - 1, max(i - 1 - REACH, -1), -1):
                lag = time[k] - time[mine[j]]
                if lag >= LAGS[n_bins]:
                    break
                while lag >= LAGS[bin_ + 1]:
                    bin_ += 1
                if lag >= LAGS[0]:
                    noise = error[k] * error[k] + error[mine[j]] * error[mine[j]]
                    total[bin_] += ((value[k] - value[mine[j]]) ** 2 - noise) / scale
                    count[bin_] += 1
    for i in range(n_bins):
        out[i] = total[i] / count[i] if count[i] > 0 else np.nan


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _half_width(time, which, value, b, peak):  # type: ignore[no-untyped-def]
    """Days from the first to the last measurement of a band around its peak above half of it."""
    left, right = peak, peak
    half = abs(value[peak]) / 2
    for k in range(peak - 1, -1, -1):
        if which[k] == b:
            if abs(value[k]) < half:
                break
            left = k
    for k in range(peak + 1, len(time)):
        if which[k] == b:
            if abs(value[k]) < half:
                break
            right = k
    return time[right] - time[left]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _colours(time, which, value, begin, end, centre, out):  # type: ignore[no-untyped-def]
    """f_k / (|f_k| + |f_k+1|) of neighbouring bands, each measured nearest to `centre`."""
    nearest = np.full(6, -1)
    for k in range(len(time)):
        b = which[k]
        if begin <= time[k] <= end and 0 <= b < 6:
            j = nearest[b]
            if j < 0 or abs(time[k] - centre) < abs(time[j] - centre):
                nearest[b] = k
    for b in range(5):
        i, j = nearest[b], nearest[b + 1]
        if i >= 0 and j >= 0:
            both = abs(value[i]) + abs(value[j])
            out[b] = value[i] / both if both > 0 else np.nan
