"""What makes a video out of painted frames."""
