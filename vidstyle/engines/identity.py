"""What identifies an engine: its code and its weights, hashed. Caches are keyed by it."""

from __future__ import annotations

import hashlib
import inspect
import sys

from vidstyle.engines.base import AnyEngine


def engine_hash(engine: AnyEngine, *facts: object) -> str:
    """A hash of an engine's class, the text of its module, its weights, and of ``facts``."""
    kind = type(engine)
    named = (kind.__module__, kind.__qualname__, _source_of(kind), facts)
    digest = hashlib.sha256(repr(named).encode())
    for name, tensor in (*engine.named_parameters(), *engine.named_buffers()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _source_of(kind: type) -> str:
    """The text of the module of a class ``kind``; "" for one that has no file."""
    try:
        return inspect.getsource(sys.modules[kind.__module__])
    except (KeyError, OSError, TypeError):
        return ""
