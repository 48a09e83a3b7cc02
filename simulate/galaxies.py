"""Galaxies: who hosts what, how bright and large they are, and what a survey measures of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

from simulate.offsets import BULGE_SIZE, OffsetRule
from simulate.rates import distance_modulus, kpc_per_arcsec

__all__ = ["Galaxies", "HostPopulation", "field_galaxies", "oxygen", "surface_brightness"]

Array = NDArray[np.float64]

_MASS = np.linspace(7.0, 12.0, 51)  # cell edges, log10 Msun
_SSFR = np.linspace(-13.5, -7.5, 49)  # cell edges, log10 1/yr
_DISK = 1.35
"""Radius of a disk over that of its galaxy (van der Wel et al. 2014), as large as SCOTCH's disks are."""
_Z = np.concatenate([[0.01], np.arange(0.25, 4.01, 0.25)])

# Spectra of an old and of a young population: log10 f_nu (relative) at rest wavelengths [A]; after
# the elliptical and irregular spectra of Coleman, Wu & Weedman 1980.
_WAVE = np.array(
    [500, 912, 1216, 1600, 2200, 2800, 3400, 3900, 4100, 4700, 5500, 7000, 9000, 12000, 16000, 22000]
)
_OLD = np.array(
    [-6, -5, -2.9, -2.75, -2.6, -2.15, -1.45, -1.15, -0.78, -0.52, -0.3, -0.1, 0.05, 0.2, 0.28, 0.15]
)
_YOUNG = np.array(
    [-4, -2.5, -0.3, -0.2, -0.2, -0.2, -0.18, -0.14, 0.05, 0.08, 0.1, 0.14, 0.17, 0.2, 0.22, 0.1]
)
BAND_WAVE = np.array([3700.0, 4770.0, 6190.0, 7540.0, 8670.0, 9740.0])


@dataclass(frozen=True, eq=False)
class Galaxies:
    """True properties of galaxies, f8[n].

    z, log_mass [log10 Msun], log_sfr [log10 Msun/yr], mag f8[n, 6] ugrizy AB, radius: half-light
    semi-major axis of the disk [arcsec], axis_ratio b/a, angle of the major axis from +RA [rad], bulge:
    share of the light in a de Vaucouleurs bulge.
    """

    z: Array
    log_mass: Array
    log_sfr: Array
    mag: Array
    radius: Array
    axis_ratio: Array
    angle: Array
    bulge: Array

    def __len__(self) -> int:
        return len(self.z)


@dataclass(frozen=True)
class HostPopulation:
    """The galaxies that host a class: all galaxies, weighted by the rate of the class in each.

    weight(log_mass, log_sfr) -> rate per galaxy, any unit. offsets: where in its host it goes off.
    """

    weight: Callable[[Array, Array], Array]
    offsets: OffsetRule
    reference: str

    def draw(self, rng: np.random.Generator, z: Array) -> Galaxies:
        """One host at each redshift f8[n] > 0."""
        n = len(z)
        cumulative = _weighted(self.weight)
        node = np.clip(np.searchsorted(_Z, z), 1, len(_Z) - 1)
        share = (z - _Z[node - 1]) / (_Z[node] - _Z[node - 1])
        node = node - (rng.random(n) > share)  # nodes in proportion: linear in redshift
        u = rng.random(n)
        flat = np.searchsorted(cumulative.ravel(), node + u) - node * cumulative.shape[1]
        flat = np.clip(flat, 0, cumulative.shape[1] - 1)
        i, j = np.divmod(flat, len(_SSFR) - 1)
        log_mass = _MASS[i] + rng.random(n) * (_MASS[1] - _MASS[0])
        log_ssfr = _SSFR[j] + rng.random(n) * (_SSFR[1] - _SSFR[0])
        return _galaxies(rng, z, log_mass, log_mass + log_ssfr)


@lru_cache(maxsize=64)
def _weighted(weight: Callable[[Array, Array], Array]) -> Array:
    """Cumulative probability f8[z, cell] of mass and specific star formation; row i lies in i..i+1."""
    mass, ssfr = (g.ravel() for g in np.meshgrid(_middle(_MASS), _middle(_SSFR), indexing="ij"))
    rate = weight(mass, mass + ssfr)
    rows = []
    for i, z in enumerate(_Z):
        density = _abundance(mass, ssfr, z) * rate
        total = np.cumsum(density)
        rows.append(i + total / total[-1])
    return np.array(rows)


def _middle(edges: Array) -> Array:
    return 0.5 * (edges[1:] + edges[:-1])


def _abundance(mass: Array, ssfr: Array, z: float) -> Array:
    """Relative number of galaxies per dex of mass and of specific star formation.

    Star-forming: Schechter slope -1.43, log M* = 10.77, around the main sequence of Speagle et al.
    2014 eq. 28 (0.3 dex). Quiescent: slope -0.5, log M* = 10.85, number falling as (1+z)^-2.3, 0.5
    dex around log sSFR = -11.9 (mass functions after Tomczak et al. 2014).
    """
    age = 11.13 * np.arcsinh(np.sqrt(0.7 / 0.3) * (1 + z) ** -1.5)  # Gyr, H0 = 70, Omega_m = 0.3
    fitted = np.maximum(mass, 9.5)  # below, the same specific star formation: the fit has no dwarfs
    main = (0.84 - 0.026 * age) * fitted - (6.51 - 0.11 * age) - fitted
    x = 10 ** (mass - 10.77)
    forming = x ** (-0.43) * np.exp(-x) * np.exp(-0.5 * ((ssfr - main) / 0.3) ** 2) / 0.3
    y = 10 ** (mass - 10.85)
    passive = 1.9 * (1 + z) ** -2.3 * y**0.5 * np.exp(-y) * np.exp(-0.5 * ((ssfr + 11.9) / 0.5) ** 2) / 0.5
    return forming + passive


def _galaxies(rng: np.random.Generator, z: Array, log_mass: Array, log_sfr: Array) -> Galaxies:
    n = len(z)
    young = _young_share(log_mass, log_sfr)
    normal = rng.standard_normal((3, n))
    heavy = 0.1 * np.clip(log_mass - 9, 0, 2)  # SCOTCH's massive hosts are bulges
    # sizes: van der Wel et al. 2014 eq. 3 and table 1, between late and early types
    log_late = 0.86 + 0.25 * (log_mass - 10.7) - 0.75 * np.log10((1 + z) / 1.25) + 0.19 * normal[0]
    log_early = 0.60 + 0.75 * (np.maximum(log_mass, 10.2) - 10.7) - 1.48 * np.log10((1 + z) / 1.25)
    log_radius = young * log_late + (1 - young) * (log_early + 0.12 * normal[0])
    mag = _magnitudes(z, log_mass, young) + 0.25 * normal[1][:, None]
    return Galaxies(
        z=z,
        log_mass=log_mass,
        log_sfr=log_sfr,
        mag=mag,
        radius=_DISK * 10**log_radius / kpc_per_arcsec(z),
        axis_ratio=_axis_ratios(rng, n),
        angle=rng.uniform(0, np.pi, n),
        bulge=np.clip(0.7 * (1 - young) + 0.1 + heavy + 0.15 * normal[2], 0.0, 1.0),
    )


def _axis_ratios(rng: np.random.Generator, n: int) -> Array:
    """Axis ratios b/a f8[n] with the flattenings (a - b) / (a + b) of SCOTCH's hosts, median 0.27."""
    flat = 0.03 + 0.62 * rng.random(n) ** 1.35
    return (1 - flat) / (1 + flat)


def _young_share(log_mass: Array, log_sfr: Array) -> Array:
    """Share f8[n] of young light: 0 at log sSFR = -11.5, 1 at -9.3."""
    return np.clip((log_sfr - log_mass + 11.5) / 2.2, 0.0, 1.0)


def _magnitudes(z: Array, log_mass: Array, young: Array) -> Array:
    """Apparent AB magnitudes f8[n, 6], by the two spectra blended in the logarithm.

    Normalised in the rest-frame r band: M_r = 4.65 - 2.5 (log M - log(M/L)), log(M/L_r) = 0.45 - 0.3 z
    for old and -0.4 - 0.15 z (to z = 2) for young populations (Bell et al. 2003; passive evolution), with
    dust reddening that grows with mass. Within half a magnitude of SCOTCH's hosts of the same redshift,
    mass and star formation.
    """
    log_wave = np.log(BAND_WAVE) - np.log1p(z)[:, None]
    old, new = _spectra(log_wave, np.log(_WAVE), _OLD, _YOUNG)
    shape = -2.5 * (young[:, None] * new + (1 - young[:, None]) * old)
    at_r = [np.interp(np.log(6200.0), np.log(_WAVE), s) for s in (_OLD, _YOUNG)]
    shape += 2.5 * (young * at_r[1] + (1 - young) * at_r[0])[:, None]
    dust = 0.25 * np.clip(log_mass - 8.5, 0, 2.5) * young
    reddening = dust[:, None] * np.expm1(0.8 * (np.log(6200.0) - log_wave))
    past = np.minimum(z, 2.0)
    ratio = (0.45 - 0.3 * past) * (1 - young) + (-0.4 - 0.15 * past) * young
    absolute = 4.65 - 2.5 * (log_mass - ratio)
    return (absolute + distance_modulus(z) - 2.5 * np.log10(1 + z))[:, None] + shape + reddening


@numba.njit(cache=True, nogil=True)
def _spectra(at, nodes, first, second):  # type: ignore[no-untyped-def]
    """Two tables on the same nodes, interpolated at f8[n, b]; np.interp for both at once."""
    one, two = np.empty(at.shape), np.empty(at.shape)
    last = nodes.size - 1
    for i in range(at.shape[0]):
        for b in range(at.shape[1]):
            x = min(max(at[i, b], nodes[0]), nodes[last])
            j = 0
            while j < last - 1 and nodes[j + 1] < x:
                j += 1
            r = (x - nodes[j]) / (nodes[j + 1] - nodes[j])
            one[i, b] = first[j] + r * (first[j + 1] - first[j])
            two[i, b] = second[j] + r * (second[j + 1] - second[j])
    return one, two


def oxygen(log_mass: Array, log_sfr: Array) -> Array:
    """Abundance 12 + log(O/H) f8[n] of galaxies by mass and star formation (Mannucci et al. 2010 eq. 2).

    m and s are clipped to where the fit holds, 9 to 12 and -1.5 to 2.
    """
    m, s = np.clip(log_mass, 9.0, 12.0) - 10, np.clip(log_sfr, -1.5, 2.0)
    return 8.90 + 0.37 * m - 0.14 * s - 0.19 * m**2 + 0.12 * m * s - 0.054 * s**2


def surface_brightness(galaxies: Galaxies, east: Array, north: Array, *, wave: Array) -> Array:
    """Light f8[n, b] nJy/arcsec2 of galaxies at offsets f8[n] arcsec, in bands at `wave` f8[b] A.

    A disk (n = 1) of the galaxy's radius and a bulge (n = 4) of BULGE_SIZE of it; the cusp of
    the bulge is softened at a tenth of its radius, as seeing does.
    """
    along = east * np.cos(galaxies.angle) + north * np.sin(galaxies.angle)
    across = north * np.cos(galaxies.angle) - east * np.sin(galaxies.angle)
    r = np.hypot(along, across / galaxies.axis_ratio) / galaxies.radius
    small = np.maximum(r / BULGE_SIZE, 0.1)
    # central intensities for unit flux and unit half-light radius: b^2n / (2 pi n Gamma(2n)) e^b form
    disk = 1.678**2 / (2 * np.pi) * np.exp(-1.678 * r)
    bulge = 7.669**8 / (2 * np.pi * 4 * 5040) * np.exp(-7.669 * small**0.25)
    bulge /= BULGE_SIZE**2
    profile = (1 - galaxies.bulge) * disk + galaxies.bulge * bulge
    profile /= galaxies.radius**2 * galaxies.axis_ratio
    at = np.clip(np.interp(wave, BAND_WAVE, np.arange(6.0)), 0, 5 - 1e-9)
    low, share = at.astype(int), at % 1
    magnitude = galaxies.mag[:, low] * (1 - share) + galaxies.mag[:, low + 1] * share
    return 10 ** (0.4 * (31.4 - magnitude)) * profile[:, None]


def field_galaxies(rng: np.random.Generator, n: int) -> Galaxies:
    """Galaxies f[n] of the field to i = 25.5, drawn in proportion to the area they cover.

    The nearest galaxy in d_DLR is more often a large one, by its area. Counts rise as 10^(0.3 i);
    redshifts p(z) ~ z^2 exp(-z/z0), z0 = 0.0417 i - 0.744 (LSST Science Book 2009 eq. 3.8); radii
    0.55" x 10^(-0.12 (i - 23)), 0.2 dex.
    """
    slope = 0.3 - 0.24  # counts times area
    low, high = 17.0, FIELD_LIMIT
    span = 10 ** (slope * (high - low)) - 1
    i_mag = low + np.log10(1 + rng.random(n) * span) / slope
    z = np.clip(rng.gamma(3.0, np.maximum(0.0417 * i_mag - 0.744, 0.02)), 0.02, 4.0)
    young = np.clip(rng.normal(0.75, 0.3, n), 0, 1)
    shape = _magnitudes(z, np.full(n, 10.0), young)
    mag = shape - shape[:, 3:4] + i_mag[:, None]
    # area-weighted log-normal: the same width, the median moved by 2 ln(10) sigma^2
    radius = 0.55 * 10 ** (-0.12 * (i_mag - 23) + 0.2 * rng.standard_normal(n) + 2 * np.log(10) * 0.2**2)
    return Galaxies(
        z=z,
        log_mass=np.full(n, np.nan),
        log_sfr=np.full(n, np.nan),
        mag=mag,
        radius=radius,
        axis_ratio=np.clip(0.25 + 0.75 * rng.random(n) ** 0.7, 0.2, 1.0),
        angle=rng.uniform(0, np.pi, n),
        bulge=np.full(n, 0.2),
    )


FIELD_LIMIT = 25.5
FIELD_COVER = 0.0052
"""Mean of (field galaxies per arcsec2) x (a b) to i = 25.5, with the counts and radii above."""
