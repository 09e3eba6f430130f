"""An engine applied to a frame: working size, coarse to fine, tiles, regions, the shot's statistics."""
