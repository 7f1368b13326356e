"""What a spec says that is no error and yet hardly meant: warnings, from the syntax tree and from the network."""
