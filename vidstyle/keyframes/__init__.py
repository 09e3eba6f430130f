"""Paintings of single frames carried through a clip."""
