"""Two samples of one quantity, and how far they are apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from brokerbench.errors import InputError

__all__ = ["Comparison", "table"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """A quantity here and there: values f8[n] and f8[m], finite ones alone.

    sample: what is compared. logarithmic: whether a figure has a logarithmic axis.
    """

    sample: str
    quantity: str
    here: Array
    there: Array
    logarithmic: bool = False

    @classmethod
    def of(
        cls, sample: str, quantity: str, pair: tuple[ArrayLike, ArrayLike], *, log: bool = False
    ) -> Comparison:
        """A comparison of the finite values of two samples. Raises InputError where one has none."""
        here, there = (np.asarray(values, "f8") for values in pair)
        here, there = here[np.isfinite(here)], there[np.isfinite(there)]
        if not len(here) or not len(there):
            raise InputError(f"{sample}, {quantity}: expected values on both sides, got none on one")
        return cls(sample, quantity, here, there, log)

    @cached_property
    def distance(self) -> float:
        """Kolmogorov-Smirnov distance of the two samples."""
        return float(stats.ks_2samp(self.here, self.there).statistic)

    @property
    def chance(self) -> float:
        """The distance that samples of these sizes from one distribution exceed once in twenty."""
        n, m = len(self.here), len(self.there)
        return float(1.358 * np.sqrt((n + m) / (n * m)))

    @property
    def medians(self) -> tuple[float, float]:
        """Medians here and there."""
        return float(np.median(self.here)), float(np.median(self.there))


def table(comparisons: list[Comparison]) -> list[str]:
    """The lines of a Markdown table: medians and 16 to 84 % here and there, numbers, distances."""
    lines = [
        "| sample | quantity | here | there | n here, there | KS | of chance |",
        "|---|---|---|---|---|---|---|",
    ]
    for c in comparisons:
        cells = [_spread(c.here), _spread(c.there), f"{len(c.here)}, {len(c.there)}"]
        lines.append(
            f"| {c.sample} | {c.quantity} | {' | '.join(cells)} | {c.distance:.2f} | {c.chance:.2f} |"
        )
    return lines


def _spread(values: Array) -> str:
    low, middle, high = np.percentile(values, (16, 50, 84))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"
