"""What a style is: pictures, mixtures, tracks over time, and the cache of style embeddings."""
