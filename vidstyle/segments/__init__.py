"""Long films: cut into segments, painted one by one or side by side, gone on with, and joined."""
