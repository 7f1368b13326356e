"""Recipes: how a network is trained, as a value and as text. No torch."""
