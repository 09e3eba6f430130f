"""Metrics of flicker, style and content, one a file."""
