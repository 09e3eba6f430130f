"""Motion between two images."""
