"""One loss a file: each rates what was painted in one training step, as a number to minimise."""
