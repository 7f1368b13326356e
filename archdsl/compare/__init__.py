"""Two networks compared by what they compute: which layers were added, removed or changed, and what follows."""
