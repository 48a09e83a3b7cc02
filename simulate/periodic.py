"""Light of periodic stars: Fourier series in magnitude, with an amplitude and a phase for each band."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from simulate.source import Light, Scene

__all__ = ["Series", "fourier_light"]

Array = NDArray[np.float64]

TEMPLATE_VISITS = 12
"""Visits that make the image which is subtracted."""


@dataclass(frozen=True, eq=False)
class Series:
    """Periodic variables.

    period: f8[n] d. mean: f8[n, b] mag. amplitude: f8[n, b] mag, peak to peak. lag: f8[b], phase by
    which a band runs late. ratio, phase: f8[n, k], A_k / A_1 and phi_k of the series sum A_k
    cos(2 pi k phi + phi_k).
    """

    period: Array
    mean: Array
    amplitude: Array
    lag: Array
    ratio: Array
    phase: Array


def fourier_light(series: Series, scene: Scene, rng: np.random.Generator) -> Light:
    """Light [nJy] of periodic variables whose phase is 0 at t0, and its mean in a template image.

    The template is the mean of twelve visits at random phases: what a survey subtracts is never
    exactly the mean of the light curve.
    """
    n = len(scene)
    at = rng.random((n, TEMPLATE_VISITS))
    flux = np.empty(len(scene.mjd), "f4")
    template = np.empty((n, len(scene.passbands)), "f4")
    _pulsate(
        (series.period, series.mean, series.amplitude, series.lag, series.ratio, series.phase),
        (scene.t0, scene.offsets, scene.mjd, scene.band),
        at,
        flux,
        template,
    )
    return Light(flux, template)


@numba.njit(cache=True, nogil=True)
def _sum(turn, cosines, sines):  # type: ignore[no-untyped-def]
    """Value of a Fourier series at a phase in turns."""
    angle = 2 * np.pi * turn
    c, s = np.cos(angle), np.sin(angle)
    ck, sk, total = c, s, 0.0
    for k in range(cosines.size):
        total += cosines[k] * ck - sines[k] * sk
        ck, sk = ck * c - sk * s, sk * c + ck * s
    return total


@numba.njit(cache=True, nogil=True)
def _pulsate(series, scene, at, flux, template):  # type: ignore[no-untyped-def]
    period, mean, amplitude, lag, ratio, phase = series
    t0, offsets, mjd, band = scene
    cosines, sines = np.empty(ratio.shape[1]), np.empty(ratio.shape[1])
    for n in range(period.size):
        for k in range(ratio.shape[1]):
            cosines[k] = ratio[n, k] * np.cos(phase[n, k])
            sines[k] = ratio[n, k] * np.sin(phase[n, k])
        low, high = 1e9, -1e9
        for j in range(64):  # peak to peak of the unscaled series
            value = _sum(j / 64.0, cosines, sines)
            low, high = min(low, value), max(high, value)
        scale = 1.0 / (high - low)
        for k in range(cosines.size):
            cosines[k] *= scale
            sines[k] *= scale
        for i in range(offsets[n], offsets[n + 1]):
            b = band[i]
            turn = (mjd[i] - t0[n]) / period[n] - lag[b]
            mag = mean[n, b] + amplitude[n, b] * _sum(turn - np.floor(turn), cosines, sines)
            flux[i] = np.exp(0.921034037197618 * (31.4 - mag))
        for b in range(template.shape[1]):
            total = 0.0
            for j in range(at.shape[1]):
                mag = mean[n, b] + amplitude[n, b] * _sum(at[n, j] - lag[b], cosines, sines)
                total += np.exp(0.921034037197618 * (31.4 - mag))
            template[n, b] = total / at.shape[1]
