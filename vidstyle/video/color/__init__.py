"""Colour conversion: matrices, ranges, bit depths, tone mapping."""
