"""The folders of scoring that are registries."""

from __future__ import annotations

from brokerbench.registry import Registry

__all__ = ["METRICS", "READERS"]

METRICS: Registry = Registry(
    "scoring.metrics", "METRIC", needs=("version", "title", "direction", "low", "high", "state", "value")
)
"""Every metric by name."""

READERS: Registry = Registry("scoring.readers", "READER", needs=("title", "suffixes", "read"))
"""Every format of submissions by name."""
