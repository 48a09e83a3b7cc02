"""Books that must balance: every alert sent and every message received ends in one column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from brokerbench.errors import AccountingError

__all__ = ["RECEIVED", "Books"]

RECEIVED = ("accepted", "duplicate", "orphan", "invalid", "malformed")
"""Where a received message can end."""


@dataclass(frozen=True)
class Books:
    """Messages of one classifier.

    sent: alerts of the ledger; each is on_time, late or missing. unscored: answers among those that
    are on time to objects whose class is not scored. received: messages of the classifier, each
    ends in one of RECEIVED.
    """

    sent: int
    on_time: int
    late: int
    missing: int
    received: int
    accepted: int
    duplicate: int
    orphan: int
    invalid: int
    malformed: int

    def check(self, *, where: str) -> None:
        """Raise AccountingError unless sent = on_time + late + missing and received = the sum of RECEIVED."""
        ends = self.on_time + self.late + self.missing
        if self.sent != ends:
            raise AccountingError(
                f"{where}: expected sent = on time + late + missing, got {self.sent} = "
                f"{self.on_time} + {self.late} + {self.missing}; messages were lost or counted twice"
            )
        received = {name: getattr(self, name) for name in RECEIVED}
        if self.received != sum(received.values()):
            parts = " + ".join(f"{count} {name}" for name, count in received.items())
            raise AccountingError(
                f"{where}: expected received = {' + '.join(RECEIVED)}, got {self.received} = {parts}"
            )
        if self.accepted != self.on_time + self.late:
            raise AccountingError(
                f"{where}: expected accepted = on time + late, got {self.accepted} = "
                f"{self.on_time} + {self.late}; the answers are not those that the manifest counts"
            )


def received_counts(manifest: Mapping[str, object], *, where: str) -> dict[str, int]:
    """The counts of an answers folder: received and each of RECEIVED, 0 where a reason is not named.

    Raises AccountingError where the manifest does not count what was received and accepted.
    """
    counts = manifest.get("counts")
    if not isinstance(counts, Mapping) or not {"received", "accepted"} <= set(counts):
        raise AccountingError(f"{where}: expected counts of received and accepted in manifest.json, got none")
    unknown = set(counts) - {"received", *RECEIVED}
    if unknown:
        raise AccountingError(
            f"{where}: expected counts of received, {', '.join(RECEIVED)}, got {', '.join(sorted(unknown))}"
        )
    return {name: int(counts.get(name, 0)) for name in ("received", *RECEIVED)}
