"""Backends of the paint map: OpenCV on a CPU, torch on any device."""
