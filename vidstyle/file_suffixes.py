"""Extensions of the pictures that are written, and that are read in folders."""

WRITABLE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif")
READABLE = (*WRITABLE, ".tga", ".ppm", ".pgm", ".jp2")
"""Pictures in a folder; one that is named by itself may have any extension."""
