"""Wire formats: a folder each, which binds SCHEMA."""

from streamer.schemas.registry import SCHEMAS

__all__ = ["SCHEMAS"]
