"""File to Network: names, values, shapes and costs, without torch."""
