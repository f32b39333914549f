"""A random sample of the pairs of each lag bin."""
