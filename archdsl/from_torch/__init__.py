"""A spec from a torch module: traced, its structure found, folded to a short text, and held against the module."""
