"""Small figures as SVG text, without a plotting library."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["histogram"]

WIDTH, HEIGHT, MARGIN = 420, 150, 24


def histogram(counts: ArrayLike, expected: ArrayLike, edges: NDArray[np.float64], *, label: str) -> str:
    """Bars of counts f[k] between edges f8[k + 1] and a line through expected f[k], as one SVG element."""
    bars, line = np.asarray(counts, "f8"), np.asarray(expected, "f8")
    top = max(bars.max(initial=0.0), line.max(initial=0.0), 1e-9)
    x = MARGIN + (edges - edges[0]) / (edges[-1] - edges[0]) * (WIDTH - 2 * MARGIN)
    y = HEIGHT - MARGIN - bars / top * (HEIGHT - 2 * MARGIN)
    z = HEIGHT - MARGIN - line / top * (HEIGHT - 2 * MARGIN)
    base = HEIGHT - MARGIN
    rectangles = "".join(
        f'<rect x="{a:.1f}" y="{c:.1f}" width="{b - a:.1f}" height="{base - c:.1f}" fill="#9bb8d3"/>'
        for a, b, c in zip(x[:-1], x[1:], y, strict=True)
    )
    points = " ".join(f"{p:.1f},{q:.1f}" for p, q in zip(0.5 * (x[1:] + x[:-1]), z, strict=True))
    text = (
        f'<text x="{MARGIN}" y="14" font-size="11">{label}</text>'
        f'<text x="{MARGIN}" y="{HEIGHT - 8}" font-size="10">{edges[0]:.3g}</text>'
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 8}" font-size="10" text-anchor="end">{edges[-1]:.3g}</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{label}">{rectangles}'
        f'<polyline points="{points}" fill="none" stroke="#b5382a" stroke-width="1.5"/>{text}</svg>'
    )
