"""A small language for neural networks: shapes checked before a run, plain PyTorch behind."""
