"""Adaptation: StyleNet's weights tuned to one artist or material, from one to twenty pictures."""
