"""What a network costs and sees: receptive fields, and the memory of a step, reckoned from the network alone."""
