"""A run: reading, stylizing and writing frames, each stage in its own thread, and its report."""
