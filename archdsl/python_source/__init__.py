"""A checked spec as Python source that imports torch alone, as a person would have written it."""
