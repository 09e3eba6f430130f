"""Blocks shared by engines and metrics: tensors in, tensors out."""
