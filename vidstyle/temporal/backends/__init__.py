"""Where the paint map computes: OpenCV on a CPU, torch on any device."""
