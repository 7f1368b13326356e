"""Runs as they lie on the disk: what a folder of one has, and what is told of several. No torch."""
