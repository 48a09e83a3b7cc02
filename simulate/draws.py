"""Distributions that population models use, drawn from one uniform number an object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

__all__ = ["log_normal", "power_law", "split_normal", "truncated_normal"]

Array = NDArray[np.float64]


def split_normal(
    rng: np.random.Generator, n: int, *, peak: float, sigma: tuple[float, float], limits: tuple[float, float]
) -> Array:
    """Draws f8[n] from a Gaussian with its own width on each side of its peak, within limits."""
    low, high = sigma
    share = low / (low + high)  # of the probability below the peak
    below = share * 2 * ndtr((min(limits[0], peak) - peak) / low)
    above = share + (1 - share) * (2 * ndtr((max(limits[1], peak) - peak) / high) - 1)
    u = below + rng.random(n) * (above - below)
    left = peak + low * ndtri(np.minimum(u / (2 * share), 0.5))
    right = peak + high * ndtri(np.clip(0.5 + 0.5 * (u - share) / (1 - share), 0.5, 1 - 1e-16))
    return np.where(u < share, left, right)


def truncated_normal(
    rng: np.random.Generator, n: int, *, mean: float, sigma: float, limits: tuple[float, float]
) -> Array:
    """Draws f8[n] from a Gaussian within limits."""
    low, high = ndtr((limits[0] - mean) / sigma), ndtr((limits[1] - mean) / sigma)
    return mean + sigma * ndtri(low + rng.random(n) * (high - low))


def log_normal(
    rng: np.random.Generator, n: int, *, median: float, dex: float, limits: tuple[float, float]
) -> Array:
    """Draws f8[n] whose log10 is Gaussian with width `dex` around the median, within limits."""
    low, high = np.log10(limits)
    return 10 ** truncated_normal(rng, n, mean=float(np.log10(median)), sigma=dex, limits=(low, high))


def power_law(rng: np.random.Generator, n: int, *, index: float, limits: tuple[float, float]) -> Array:
    """Draws f8[n] from p(x) proportional to x^index within positive limits."""
    low, high = limits
    u = rng.random(n)
    if abs(index + 1) < 1e-9:
        return low * (high / low) ** u
    power = index + 1
    return (low**power + u * (high**power - low**power)) ** (1 / power)
