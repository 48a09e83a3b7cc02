"""Wire formats: a folder each, which binds SCHEMA."""

from streamer.schemas.registry import SCHEMAS, schema_of

__all__ = ["SCHEMAS", "schema_of"]
