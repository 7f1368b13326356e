"""Labelled images: drawn, or read and verified; held as bytes, and made a network's input batch by batch."""
