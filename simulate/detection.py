"""What a survey's pipeline finds: a cut on S/N, or an efficiency that rises with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError

__all__ = ["Efficiency", "found", "read_efficiency"]

Flux = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Efficiency:
    """Probability of detection by |S/N| in each band: snr f8[k], chance f8[b, k]."""

    snr: NDArray[np.float64]
    chance: NDArray[np.float64]


def read_efficiency(path: str | Path, bands: tuple[str, ...]) -> Efficiency:
    """The efficiencies in a SNANA SEARCHEFF_PIPELINE file, on a common grid of S/N.

    Raises InputError where the file is missing, holds no such curve, or lacks a band.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file}: expected a SEARCHEFF file, got nothing there; check the path")
    curves: dict[str, list[tuple[float, float]]] = {}
    band = ""
    for line in file.read_text(errors="replace").splitlines():
        if match := re.match(r"\s*FILTER:\s*(\S+)", line):
            band = match[1]
        elif match := re.match(r"\s*(?:ABS\(SNR\)|SNR):\s*(\S+)\s+(\S+)", line):
            try:
                curves.setdefault(band, []).append((float(match[1]), float(match[2])))
            except ValueError as error:
                raise InputError(f"{file}: expected numbers after SNR:, got {line.strip()!r}") from error
    known = {name.lower(): points for name, points in curves.items()}
    missing = [b for b in bands if b not in known]
    if missing:
        raise InputError(f"{file}: expected a curve for band {missing[0]}, got {', '.join(curves) or 'none'}")
    snr = np.unique(np.concatenate([[x for x, _ in known[b]] for b in bands]))
    chance = [np.interp(snr, *np.array(sorted(known[b])).T) for b in bands]
    return Efficiency(snr, np.array(chance))


@numba.njit(cache=True, nogil=True)
def _found(flux, flux_err, band, uniform, snr, chance):  # type: ignore[no-untyped-def]
    out = np.zeros(flux.size, np.bool_)
    for i in range(flux.size):
        x = abs(flux[i]) / flux_err[i]
        if not x > snr[0]:  # NaN too
            continue
        j = np.searchsorted(snr, x)
        p = chance[band[i], -1] if j == snr.size else 0.0
        if j < snr.size:
            share = (x - snr[j - 1]) / (snr[j] - snr[j - 1])
            p = chance[band[i], j - 1] + share * (chance[band[i], j] - chance[band[i], j - 1])
        out[i] = uniform[i] < p
    return out


def found(
    flux: Flux, flux_err: Flux, band: NDArray[np.int8], uniform: Flux, *, efficiency: Efficiency
) -> NDArray[np.bool_]:
    """Whether each measurement is found, bool[R], given uniform numbers f4[R]."""
    return _found(flux, flux_err, band, uniform, efficiency.snr, efficiency.chance)
