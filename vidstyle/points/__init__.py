"""Scenes captured in 3D (point clouds, meshes with vertex colours, Gaussian splats), painted in a style."""
