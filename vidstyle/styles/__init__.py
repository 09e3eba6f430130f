"""Styles: pictures, mixtures, tracks over time, and the cache of style embeddings."""
