"""Where segments are painted side by side: local processes, Ray, Dask, or any executor."""
