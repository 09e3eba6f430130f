"""Evaluation of results against their clip: alignment, metrics over all frames, tables, HTML report."""
