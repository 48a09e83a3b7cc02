"""Whether two sets of scores may be ordered against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brokerbench.errors import ConfigError
from scoring.spec import Scoring

__all__ = ["POLICIES", "check_comparable"]

_SHOWN = {
    "metrics",
    "slices",
    "slice_points",
    "slice_metrics",
    "intervals",
    "resamples",
    "confidence",
    "seed",
}
_POINTS = {"answers", "phases", "rest_phases", "dates", "fractions"}

POLICIES = tuple(name for name in Scoring.__struct_fields__ if name not in _SHOWN | _POINTS)
"""Fields of a specification that decide what a score is, not which scores are shown."""


def check_comparable(a: Mapping[str, Any], b: Mapping[str, Any]) -> None:
    """Raise ConfigError unless two summaries (scores.json) may be ordered against each other.

    The run, its ledger, the policies and the versions of the metrics that both have must be equal.
    """
    for key in ("manifest_sha256", "ledger_sha256"):
        if a["run"][key] != b["run"][key]:
            raise ConfigError(
                f"compare: expected scores of one run, got {a['run']['folder']} ({a['run'][key][:12]}) and "
                f"{b['run']['folder']} ({b['run'][key][:12]}); score both classifiers on the same run"
            )
    unlike = [k for k in POLICIES if (a["spec"].get(k) or None) != (b["spec"].get(k) or None)]
    if unlike:
        raise ConfigError(f"compare: expected the same policies, got others for {', '.join(unlike)}")
    both = set(a["metrics"]) & set(b["metrics"])
    moved = sorted(m for m in both if a["metrics"][m]["version"] != b["metrics"][m]["version"])
    if moved:
        raise ConfigError(
            f"compare: expected the same versions of metrics, got others for {', '.join(moved)}; score again"
        )
