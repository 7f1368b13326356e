"""What is wrong, where, and what would work: the data, the wording and the layout of every message."""
