"""The paint map: each pixel of a result refers to the earlier result that its paint is sampled from."""
