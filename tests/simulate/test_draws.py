"""Distributions."""

from __future__ import annotations

import numpy as np
from scipy import stats

from simulate import draws

RNG = np.random.default_rng


def test_split_normals_have_their_density() -> None:
    x = draws.split_normal(RNG(1), 100_000, peak=-0.054, sigma=(0.043, 0.101), limits=(-0.3, 0.5))
    grid = np.linspace(-0.3, 0.5, 4001)
    sigma = np.where(grid < -0.054, 0.043, 0.101)
    density = np.exp(-0.5 * ((grid + 0.054) / sigma) ** 2)
    cumulative = np.concatenate([[0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    cumulative /= cumulative[-1]
    assert stats.kstest(x, lambda v: np.interp(v, grid, cumulative)).pvalue > 1e-3
    assert x.min() >= -0.3
    assert x.max() <= 0.5


def test_truncated_normals_have_their_density() -> None:
    x = draws.truncated_normal(RNG(2), 50_000, mean=1.0, sigma=2.0, limits=(0.0, 2.5))
    frozen = stats.truncnorm(-0.5, 0.75, loc=1.0, scale=2.0)
    assert stats.kstest(x, frozen.cdf).pvalue > 1e-3


def test_log_normals_are_normal_in_the_logarithm() -> None:
    x = draws.log_normal(RNG(3), 50_000, median=10.0, dex=0.3, limits=(1e-3, 1e5))
    assert stats.kstest((np.log10(x) - 1) / 0.3, "norm").pvalue > 1e-3


def test_power_laws_have_their_density() -> None:
    for index in (-2.0, -1.0, 0.5):
        x = draws.power_law(RNG(4), 50_000, index=index, limits=(1.0, 10.0))
        grid = np.geomspace(1, 10, 4001)
        cumulative = np.log(grid) if index == -1 else (grid ** (index + 1) - 1) / (index + 1)
        test = stats.kstest(x, lambda v, g=grid, c=cumulative: np.interp(v, g, c / c[-1]))
        assert test.pvalue > 1e-3, index


def test_no_objects_have_no_draws() -> None:
    assert len(draws.split_normal(RNG(1), 0, peak=0.0, sigma=(1, 1), limits=(-1, 1))) == 0
