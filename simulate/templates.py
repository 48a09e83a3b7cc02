"""Light of spectral time series (SN Ia templates, SALT): band-integrated tables on (z, colour).

A table holds the flux in each band at unit amplitude on nodes of redshift, colour and phase. The
redshift and colour nodes around an object are blended once a band (cubic convolution, Keys 1981,
the kernel of sncosmo), then four phase nodes give the flux at a visit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from simulate.photometry import Passbands
from simulate.source import Scene

__all__ = ["Grid", "TemplateTable", "build", "exact_flux", "template_flux"]

Array = NDArray[np.float64]
Spectra = Callable[[Array, Array], Array]
Law = Callable[[Array], Array]

_FINE = 1.25  # A
FLOOR = 1e-4
"""Least light after the peak, over the peak; it decays with 30 d. Some models go below zero at late times."""


@dataclass(frozen=True, eq=False)
class TemplateTable:
    """Fluxes values f4[b, z, c, k, p] nJy at unit amplitude of k components; p phases one day apart.

    valid: bool[b, z], whether the band lies within the model's wavelengths at that redshift node.
    z and c: first node and step. first_phase: rest-frame days from t0.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    z: tuple[float, float]
    c: tuple[float, float]
    first_phase: float


@dataclass(frozen=True)
class Grid:
    """Nodes of a template table: redshift and colour as (first, last, step)."""

    z: tuple[float, float, float]
    c: tuple[float, float, float]

    def nodes(self) -> tuple[Array, Array]:
        """Redshifts and colours f8, with one node to spare on each side for the cubic kernel."""
        z = np.arange(self.z[0] - self.z[2], self.z[1] + 2.5 * self.z[2], self.z[2])
        c = np.arange(self.c[0] - self.c[2], self.c[1] + 2.5 * self.c[2], self.c[2])
        return z, c


@threadpool_limits.wrap(limits=1, user_api="blas")  # small products: threads only wait for one another
def build(
    spectra: Spectra,
    colour_law: Law,
    passbands: Passbands,
    grid: Grid,
    *,
    phases: Array,
    wavelengths: tuple[float, float],
) -> TemplateTable:
    """The TemplateTable of `spectra`.

    spectra(phases f8[p], wave f8[w]) -> f8[k, p, w] in erg/s/cm2/A, rest frame. colour_law(wave) ->
    f8[w]: colour c changes the flux by 10^(-0.4 c colour_law). phases: f8[p] days, one day apart.
    wavelengths: (lowest, highest) of the model [A].
    """
    z_nodes, c_nodes = grid.nodes()
    n_comp = spectra(phases[:2], np.array([5000.0, 5005.0])).shape[0]
    # the spectra once, on a grid so fine that straight lines between its nodes do
    reddest = max(band.wave[-1] for band in passbands.bands)
    bluest = min(band.wave[0] for band in passbands.bands) / (1 + z_nodes[-1])
    fine = np.arange(max(bluest, wavelengths[0]) - _FINE, min(reddest / 0.98, wavelengths[1]) + _FINE, _FINE)
    fine = fine[(fine >= wavelengths[0]) & (fine <= wavelengths[1])]
    sampled = spectra(phases, fine)
    values = np.zeros((len(passbands), len(z_nodes), len(c_nodes), n_comp, len(phases)), "f4")
    valid = np.zeros((len(passbands), len(z_nodes)), bool)
    for b, passband in enumerate(passbands.bands):
        for j, z in enumerate(z_nodes):
            wave = passband.wave / (1 + z)
            if wave[0] < wavelengths[0] or wave[-1] > wavelengths[1]:
                continue
            valid[b, j] = True
            law = 10 ** (-0.4 * c_nodes[:, None] * colour_law(wave))
            weights = law * passband.weights / (1 + z)
            at = np.clip((wave - fine[0]) / _FINE, 0, len(fine) - 1 - 1e-9)
            low = at.astype("i8")
            share = at - low
            left, right = weights * (1 - share), weights * share
            product = sampled[:, :, low] @ left.T + sampled[:, :, low + 1] @ right.T
            values[b, j] = np.moveaxis(product, 2, 0)
    return TemplateTable(values, valid, (z_nodes[0], grid.z[2]), (c_nodes[0], grid.c[2]), float(phases[0]))


def template_flux(table: TemplateTable, scene: Scene, *, amplitude: Array, colour: Array, stretch: Array,
                  fade: tuple[float, float] = (12.0, 90.0)) -> NDArray[np.float32]:  # fmt: skip
    """Fluxes f4[R] nJy of spectral time series whose phase 0 is at t0.

    amplitude: f8[n, k] of the components. colour: f8[n]. stretch: f8[n], of the phase. Before the
    first phase the flux is 0, after the last it decays with the e-folding time of its last ten days,
    kept within `fade` days (rest frame): no edge. After the peak it is never below FLOOR. NaN where the
    band leaves the model.
    """
    out = np.zeros(len(scene.mjd), "f4")
    _interpolate(
        np.argsort(scene.z),  # neighbours in redshift read the same part of the table
        table.values,
        table.valid,
        (*table.z, *table.c, table.first_phase, *fade),
        (np.ascontiguousarray(amplitude), colour, stretch),
        (scene.z, scene.t0, scene.offsets, scene.mjd, scene.band),
        out,
    )
    return out


def exact_flux(spectra: Spectra, colour_law: Law, scene: Scene, *, amplitude: Array, colour: Array) -> Array:
    """Fluxes f8[R] nJy by integrating each spectrum in each band: the oracle of the tables, slow.

    Arguments as in `build` and `template_flux`, without stretch; every phase within the model.
    """
    out = np.empty(len(scene.mjd))
    for i, k in enumerate(scene.row):
        band = scene.passbands.bands[scene.band[i]]
        slow = 1 / (1 + scene.z[k])
        wave = band.wave * slow
        phase = np.array([(scene.mjd[i] - scene.t0[k]) * slow])
        spectrum = np.tensordot(amplitude[k], spectra(phase, wave)[:, 0], axes=1)
        law = 10 ** (-0.4 * colour[k] * colour_law(wave))
        out[i] = np.sum(band.weights * slow * law * spectrum)
    return out


@numba.njit(cache=True, nogil=True, inline="always")
def _cubic(x):  # type: ignore[no-untyped-def]
    """Weights of four nodes for a place x in 0..1 between the second and the third."""
    x2, x3 = x * x, x * x * x
    return (
        -0.5 * x3 + x2 - 0.5 * x,
        1.5 * x3 - 2.5 * x2 + 1.0,
        -1.5 * x3 + 2.0 * x2 + 0.5 * x,
        0.5 * x3 - 0.5 * x2,
    )


@numba.njit(cache=True, nogil=True)
def _interpolate(order, values, valid, axes, shape, scene, out):  # type: ignore[no-untyped-def]
    z_first, z_step, c_first, c_step, p_first, fade_low, fade_high = axes
    amplitude, colour, stretch = shape
    z, t0, offsets, mjd, band = scene
    n_band, n_z, n_c, n_comp, n_phase = values.shape
    curve = np.zeros((n_band, n_phase), np.float32)
    fade, top = np.zeros(n_band), np.zeros(n_band)
    summit = np.zeros(n_band, np.int64)
    state = np.zeros(n_band, np.int8)  # 0 to do, 1 done, 2 outside the model
    for k in order:
        state[:] = 0
        u = (z[k] - z_first) / z_step
        jz = min(max(int(u), 1), n_z - 3)
        wz = _cubic(u - jz)
        v = (colour[k] - c_first) / c_step
        jc = min(max(int(v), 1), n_c - 3)
        wc = _cubic(v - jc)
        slow = 1.0 / ((1.0 + z[k]) * stretch[k])
        for i in range(offsets[k], offsets[k + 1]):
            phase = (mjd[i] - t0[k]) * slow - p_first
            b = band[i]
            if state[b] == 0:
                if phase < 0.0 and valid[b, jz] and valid[b, jz + 1]:
                    continue
                state[b] = 2
                if valid[b, jz] and valid[b, jz + 1]:
                    state[b] = 1
                    _blend(values[b], valid[b], jz, jc, wz, wc, u - jz, amplitude[k], curve[b])
                    fade[b] = _fading(curve[b], fade_low, fade_high)
                    summit[b] = np.argmax(curve[b])
                    top[b] = FLOOR * curve[b, summit[b]]
            if state[b] == 2:
                out[i] = np.nan
            elif phase >= n_phase - 1:
                last = max(curve[b, n_phase - 1], top[b] * np.exp((summit[b] - n_phase + 1) / 30.0))
                out[i] = max(last * np.exp(-(phase - (n_phase - 1)) / fade[b]), 1e-30)  # no underflow to 0
            elif phase >= 0.0:
                p = int(phase)
                q = _cubic(phase - p)
                flux = q[1] * curve[b, p] + q[2] * curve[b, p + 1]
                flux += q[0] * curve[b, max(p - 1, 0)] + q[3] * curve[b, min(p + 2, n_phase - 1)]
                if flux < top[b] and phase > summit[b]:  # late light of a model may be below zero
                    flux = max(flux, top[b] * np.exp((summit[b] - phase) / 30.0))
                out[i] = max(flux, 0.0)  # the kernel undershoots where the light begins


@numba.njit(cache=True, nogil=True)
def _blend(values, valid, jz, jc, wz, wc, rz, amplitude, curve):  # type: ignore[no-untyped-def]
    """One light curve on the phase nodes; quadratic in redshift where a cubic node leaves the model."""
    curve[:] = 0.0
    before, after = valid[jz - 1], valid[jz + 2]
    weights = wz
    if before and not after:
        weights = (0.5 * rz * (rz - 1.0), 1.0 - rz * rz, 0.5 * rz * (rz + 1.0), 0.0)
    elif after and not before:
        weights = (0.0, 0.5 * (1.0 - rz) * (2.0 - rz), rz * (2.0 - rz), 0.5 * rz * (rz - 1.0))
    elif not before:
        weights = (0.0, 1.0 - rz, rz, 0.0)
    for a in range(4):
        weight_z = weights[a]
        if weight_z == 0.0:
            continue
        rows = values[jz - 1 + a]
        for m in range(values.shape[2]):
            scale = weight_z * amplitude[m]
            if scale == 0.0:  # a template of another object
                continue
            w0, w1 = np.float32(scale * wc[0]), np.float32(scale * wc[1])
            w2, w3 = np.float32(scale * wc[2]), np.float32(scale * wc[3])
            r0, r1, r2, r3 = rows[jc - 1, m], rows[jc, m], rows[jc + 1, m], rows[jc + 2, m]
            for p in range(curve.size):  # four rows at once: one store for four products
                curve[p] += w0 * r0[p] + w1 * r1[p] + w2 * r2[p] + w3 * r3[p]


@numba.njit(cache=True, nogil=True)
def _fading(curve, low, high):  # type: ignore[no-untyped-def]
    """e-folding time [d] of the last ten days of a light curve."""
    last, before = curve[curve.size - 1], curve[curve.size - 11]
    if last <= 0.0 or before <= last:
        return high
    return min(max(10.0 / np.log(before / last), low), high)
