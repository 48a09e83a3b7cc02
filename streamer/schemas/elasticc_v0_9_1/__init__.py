"""ELAsTiCC alerts v0.9.1: schemaless Avro, fluxes in nJy, hosts with photo-z quantiles."""

from streamer.schemas.elasticc_v0_9_1.mapping import SCHEMA

__all__ = ["SCHEMA"]
