"""Results measured against their clip: alignment, metrics over all frames, tables and the HTML report."""
