"""Rubin's alerts, version 10.0."""

from streamer.schemas.lsst import lsst

SCHEMA = lsst(10, 0)

__all__ = ["SCHEMA"]
