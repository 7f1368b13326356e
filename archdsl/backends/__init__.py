"""Readers of a checked network: torch modules, tables."""
