"""One loss a file: each looks at what was painted in one training step and gives a number to lessen."""
