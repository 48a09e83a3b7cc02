"""Rubin's alerts, version 11.0."""

from streamer.schemas.lsst import lsst

SCHEMA = lsst(11, 0)

__all__ = ["SCHEMA"]
