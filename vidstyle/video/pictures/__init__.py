"""Decoding of still pictures."""
