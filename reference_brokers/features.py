"""What an alert's history looks like, in numbers that no date, place or id enters.

Times are differences, positions are distances to the host, fluxes are nJy or ratios. A forest that
saw dates, coordinates or ids would learn the simulation, not the sky. A visit that is both a source
and a forced measurement counts once. One pass over the history in compiled code.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from brokerbench.tables import AlertBatch
from reference_brokers._history import BANDS_USED, LAGS, fill

__all__ = ["FEATURES", "features", "features_sha256"]

HISTORY = (
    "n_detections",
    "n_points",
    "detected_fraction",
    "n_nights",
    "n_bands",
    "positive_fraction",
    "duration",  # last - first detection [d]
    "rise",  # peak - first detection [d]; the peak is the detection of the largest |flux|
    "fall",  # last detection - peak [d]
    "quiet",  # first detection - last measurement before it [d]
    "gap_max",  # longest time between two detections [d]
    "gap_last",  # time between the last two [d]
    "asinh_max",  # asinh of the largest and smallest flux of a detection over 100 nJy
    "asinh_min",
    "last_ratio",  # last flux over peak |flux|
    "first_ratio",
    "second_ratio",  # largest |flux| of another night over peak |flux|
    "log_total_snr",
    "log_max_snr",
    "background_fraction",  # measurements with |S/N| < 3
    "bright_width",  # first to last measurement with S/N > 5 [d]
    "before_20",  # detections within so many days before and after the peak
    "before_50",
    "before_100",
    "after_20",
    "after_50",
    "after_100",
    "before_snr",  # mean and mean square of S/N of the measurements before the first detection
    "before_chi2",
    "fast_change",  # largest change within a night and band, in standard errors
)
BAND_WISE = (
    "n",  # measurements
    "mean_ratio",  # weighted mean over peak |flux|
    "scatter",  # excess standard deviation over peak |flux|
    "chi2",  # log of chi2 against a constant per degree of freedom
    "peak_time",  # time of the band's largest |flux| - peak [d]
    "slope",  # largest |change| a day between nights, over peak |flux|
    "half_width",  # time above half of the band's largest |flux|, around it [d]
    "eta",  # mean square of successive differences over variance (von Neumann 1941)
    "skew",
)
# structure function: how much the light changes within hours, nights, weeks, months
STRUCTURE = tuple(f"change_{low:g}_{high:g}" for low, high in zip(LAGS[:-1], LAGS[1:], strict=True))
_LETTERS = "ugrizy"
COLOURS = tuple(f"{a}{b}_{when}" for when in ("peak", "last") for a, b in zip("ugriz", "grizy", strict=True))
CONTEXT = (
    "mwebv",
    "z",
    "z_err",
    "host_zphot",
    "host_zphot_err",
    "host_sep",
    "host_d_dlr",  # separation over half-light size, without the angle that alerts do not carry
    "host_mag_r",
    "host_g_r",
    "host_r_i",
    "hostless",
    "host2_sep",
)
FEATURES: tuple[str, ...] = (
    *HISTORY,
    *(f"{_LETTERS[b]}_{name}" for b in BANDS_USED for name in BAND_WISE),
    *STRUCTURE,
    *COLOURS,
    *CONTEXT,
)
"""Names of the columns of `features`."""

_N_KERNEL = len(HISTORY) + len(BAND_WISE) * len(BANDS_USED) + len(STRUCTURE) + len(COLOURS)


def features_sha256() -> str:
    """SHA-256 of the feature names in order: a model belongs to the features that it was fitted on."""
    return hashlib.sha256("\n".join(FEATURES).encode()).hexdigest()


def features(batch: AlertBatch) -> NDArray[np.float32]:
    """Features f4[n, F] of n alerts, in the order of FEATURES; NaN where one is not defined."""
    out = np.full((len(batch), len(FEATURES)), np.nan, "f4")
    history = out[:, :_N_KERNEL]
    fill(batch.offsets, batch.mjd, batch.band, batch.flux, batch.flux_err, batch.forced, history)
    host, host2 = batch.host, batch.host2
    with np.errstate(divide="ignore", invalid="ignore"):
        context = (
            batch.mwebv,
            batch.z_final,
            batch.z_final_err,
            host.zphot,
            host.zphot_err,
            host.sep,
            host.sep / np.sqrt(host.sqradius),
            host.mag[:, 2],
            host.mag[:, 1] - host.mag[:, 2],
            host.mag[:, 2] - host.mag[:, 3],
            np.isnan(host.sep),
            host2.sep,
        )
    for i, column in enumerate(context):
        out[:, _N_KERNEL + i] = column
    out[np.isinf(out)] = np.nan
    return out
