"""Weights in and out: which tensors a network has, what a file has for them, and the files themselves."""
