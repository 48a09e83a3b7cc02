"""What the parts of the Kafka transport share: patience, and what an error says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import confluent_kafka as ck

__all__ = ["WAIT_S", "patiently", "text_of"]

WAIT_S = 15.0


_PASSING = frozenset(
    (
        ck.KafkaError.NOT_LEADER_FOR_PARTITION,
        ck.KafkaError.LEADER_NOT_AVAILABLE,
        ck.KafkaError.UNKNOWN_TOPIC_OR_PART,
        ck.KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        ck.KafkaError.COORDINATOR_NOT_AVAILABLE,
        ck.KafkaError.NOT_COORDINATOR,
        ck.KafkaError._TRANSPORT,
        ck.KafkaError._TIMED_OUT,
    )
)
"""What a broker says that has just started, or has just made a topic."""


def patiently(ask: Callable[[], Any]) -> Any:
    """What `ask` returns, asked again for up to WAIT_S while the broker is not ready to say."""
    until = time.monotonic() + WAIT_S
    while True:
        try:
            return ask()
        except ck.KafkaException as error:
            if error.args[0].code() not in _PASSING or time.monotonic() > until:
                raise
        time.sleep(0.1)


def text_of(error: Exception) -> str:
    """The reason that an error of confluent_kafka gives."""
    first = error.args[0] if error.args else error
    return first.str() if isinstance(first, ck.KafkaError) else str(error)
