"""Reading video files, image sequences and animated pictures as frames."""
