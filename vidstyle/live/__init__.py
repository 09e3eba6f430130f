"""A camera painted while it runs, for other programs: an address for a browser or OBS, a virtual camera."""
