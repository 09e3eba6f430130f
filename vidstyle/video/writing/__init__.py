"""Writing frames into files and pipes."""
