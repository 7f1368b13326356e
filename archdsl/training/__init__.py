"""What trains a network: recipes, data, the loop, checkpoints."""
