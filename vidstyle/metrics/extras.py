"""Libraries that only some metrics need: imported when asked for, one clear line where they lack."""

from __future__ import annotations

import importlib
from typing import Any

from vidstyle.errors import OptionError


def needed(module: str, metric: str) -> Any:
    """Import ``module``; ``OptionError`` with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        root = module.partition(".")[0]
        library = {"skimage": "scikit-image", "torch_fidelity": "torch-fidelity"}.get(root, root)
        extra = {"transformers": "clip"}.get(root, "evaluate")
        raise OptionError(
            f"{metric} needs {library}, which is not installed; pip install 'vidstyle[{extra}]'"
        ) from error
