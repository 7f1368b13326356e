"""Text to a syntax tree, and what is wrong with a text that has none."""
