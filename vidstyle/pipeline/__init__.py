"""A run: frames read, stylized and written, each stage in its own thread, and what it reports."""
