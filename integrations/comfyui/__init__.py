"""Nodes of vidstyle for ComfyUI; put this folder into ``custom_nodes``, or install it by its name there."""

from .nodes import comfy_entrypoint

__all__ = ["comfy_entrypoint"]
