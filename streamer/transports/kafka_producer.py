"""Sending to one topic of Kafka."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import confluent_kafka as ck
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import TransportError
from brokerbench.tables import NO_TIME
from streamer.packets import Packets
from streamer.transports.kafka_errors import text_of
from streamer.transports.transport import Receipts

__all__ = ["KafkaProducer"]


class KafkaProducer:
    """Sends to one topic; what it says is delivered comes from the delivery reports."""

    limit = 1_000_000
    """Bytes of the largest packet that the topic takes."""

    def __init__(self, client: Any, topic: str, headers: Mapping[str, str]) -> None:
        self._client, self._topic = client, topic
        self._headers = list(headers.items())
        self._delivered: list[tuple[int, int, int, int]] = []
        self._failed: list[str] = []
        self._open = 0

    def send(
        self,
        values: Packets,
        keys: NDArray[np.int64],
        sequence: NDArray[np.int64],
        planned: NDArray[np.float64] | None = None,
    ) -> None:
        """Queue n packets, waiting where the queue is full. TransportError where an earlier one failed."""
        if len(values) and int(values.sizes.max()) > self.limit:
            raise TransportError(
                f"topic {self._topic}: expected packets of at most {self.limit} bytes, got "
                f"{values.sizes.max()}; raise max.message.bytes of the topic"
            )
        due = [None] * len(values) if planned is None else planned.tolist()
        for value, key, number, when in zip(values, keys.tolist(), sequence.tolist(), due, strict=True):
            headers = [("sequence", str(number)), *self._headers]
            if when is not None:
                headers.append(("planned", f"{when:.6f}"))
            while True:
                try:
                    self._client.produce(
                        self._topic,
                        value,
                        key=str(key),
                        headers=headers,
                        on_delivery=partial(self._report, number),
                    )
                    break
                except BufferError:
                    self._client.poll(0.05)
                except ck.KafkaException as error:
                    raise TransportError(
                        f"topic {self._topic}: expected to send, got {text_of(error)}"
                    ) from error
            self._open += 1
        self._client.poll(0)
        self._check()

    def _report(self, number: int, error: Any, message: Any) -> None:
        self._open -= 1
        if error is not None:
            self._failed.append(error.str())
            return
        kind, millis = message.timestamp()
        when = millis * 1000 if kind != ck.TIMESTAMP_NOT_AVAILABLE else NO_TIME
        self._delivered.append((number, message.partition(), message.offset(), when))

    def _check(self) -> None:
        if self._failed:
            raise TransportError(
                f"topic {self._topic}: expected every packet to be delivered, got {len(self._failed)} that "
                f"were not ({self._failed[0]}); start again to go on where it stopped"
            )

    def flush(self) -> None:
        """Return once every packet is delivered. TransportError after 60 s without progress."""
        left, since = self._open, time.monotonic()
        while self._open:
            self._client.flush(1.0)
            self._check()
            if self._open < left:
                left, since = self._open, time.monotonic()
            elif time.monotonic() - since > 60:
                raise TransportError(
                    f"topic {self._topic}: expected delivery reports, got none for 60 s with {left} packets "
                    "under way; start again to go on where it stopped"
                )
        self._check()

    def receipts(self) -> Receipts:
        """What was delivered since the last call."""
        taken, self._delivered = self._delivered, []
        table = np.array(taken, "i8").reshape(-1, 4)
        return Receipts(table[:, 0], table[:, 1].astype("i4"), table[:, 2], table[:, 3])

    def finish(self) -> None:
        """Flush; Kafka has no end of a topic."""
        self.flush()

    def close(self) -> None:
        """Drop what is still queued."""
        self._client.purge()
        self._client.poll(0)
