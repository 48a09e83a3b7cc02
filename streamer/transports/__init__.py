"""Where messages go and come from: a spool on disk, or Kafka."""

from streamer.transports.transport import (
    Consumer,
    MessageBatch,
    Producer,
    Receipts,
    Transport,
    open_transport,
)

__all__ = ["Consumer", "MessageBatch", "Producer", "Receipts", "Transport", "open_transport"]
