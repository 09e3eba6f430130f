"""Painters, one a file."""
