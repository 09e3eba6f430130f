"""Files to frames and back: imports av, never torch."""
