"""Batch servers: one Protocol, and an adapter for each kind."""
