"""Rubin's alerts, version 11.1."""

from streamer.schemas.lsst import lsst

SCHEMA = lsst(11, 1)

__all__ = ["SCHEMA"]
