"""ZTF's alerts, version 4.02: a container file a message, magnitudes, 30 days of history."""

from streamer.schemas.ztf_v4_02.mapping import SCHEMA

__all__ = ["SCHEMA"]
