"""A small stand-in for the parts of ComfyUI that vidstyle's nodes use, written from its documentation.

https://docs.comfy.org/custom-nodes/v3_migration and comfy_api as of November 2026. Unknown keywords are
errors here, as they are there.
"""

from __future__ import annotations

import importlib.util
import inspect
import io as bytes_io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch


class InterruptProcessingException(Exception):
    """What ComfyUI raises in a node once the user has cancelled."""


@dataclass
class _Input:
    id: str
    display_name: str | None = None
    optional: bool = False
    tooltip: str | None = None
    io_type: str = field(default="", init=False)


@dataclass
class _Widget(_Input):
    default: Any = None


@dataclass
class _Number(_Widget):
    min: float | None = None
    max: float | None = None
    step: float | None = None


@dataclass
class _Combo(_Widget):
    options: list[str] = field(default_factory=list)


@dataclass
class _Output:
    id: str | None = None
    display_name: str | None = None
    tooltip: str | None = None
    io_type: str = field(default="", init=False)


def _type(io_type: str, of_input: type[_Input] = _Input) -> Any:
    """A type of ComfyUI with its ``Input`` and ``Output``."""
    return SimpleNamespace(
        io_type=io_type,
        Input=type("Input", (of_input,), {"__init__": _typed(of_input, io_type)}),
        Output=type("Output", (_Output,), {"__init__": _typed(_Output, io_type)}),
    )


def _typed(record: Any, io_type: str) -> Any:
    def __init__(self: Any, *values: Any, **settings: Any) -> None:
        record.__init__(self, *values, **settings)
        self.io_type = io_type

    return __init__


@dataclass
class Schema:
    """``io.Schema``: what a node is called, takes and gives."""

    node_id: str
    display_name: str
    category: str
    inputs: list[_Input]
    outputs: list[_Output]
    description: str = ""

    def __post_init__(self) -> None:
        names = [item.id for item in self.inputs]
        assert len(set(names)) == len(names), f"{self.node_id}: two inputs have one name"


class ComfyNode:
    """``io.ComfyNode``."""


class NodeOutput:
    """``io.NodeOutput``: the results of a node in the order of its outputs."""

    def __init__(self, *args: Any) -> None:
        self.args = args


class ComfyExtension:
    """``comfy_api.ComfyExtension``."""


class VideoFromFile:
    """``InputImpl.VideoFromFile``; it refuses to load all frames, since nodes must not need that."""

    def __init__(self, file: str | bytes_io.BytesIO, *, start_time: float = 0, duration: float = 0) -> None:
        self._file, self._window = file, (start_time, duration)

    def get_stream_source(self) -> str | bytes_io.BytesIO:
        return self._file

    def get_active_trim_window(self) -> tuple[float, float]:
        return self._window

    def has_pending_frame_edits(self) -> bool:
        return False

    def get_components(self) -> Any:
        raise AssertionError("all frames would be in memory at once")


class Comfy:
    """The stand-in: ``run`` executes a node as ComfyUI does."""

    def __init__(self, temporary: Path) -> None:
        self.temporary = temporary
        self.shown: list[tuple[float, float]] = []
        """(value, maximum) of the progress bar, each time that it was set."""
        self.cancels_at: int | None = None
        """How many times the bar is set before the user cancels."""

    def modules(self) -> dict[str, ModuleType]:
        """What nodes import, by name."""
        comfy = self

        class Execution:
            def set_progress(self, *, value: float, max_value: float, preview_image: Any = None) -> None:
                comfy.shown.append((value, max_value))

        class ComfyAPISync:
            execution = Execution()

        def throw_exception_if_processing_interrupted() -> None:
            if comfy.cancels_at is not None and len(comfy.shown) >= comfy.cancels_at:
                raise InterruptProcessingException

        io = SimpleNamespace(
            **{name.title(): _type(name) for name in ("VIDEO", "IMAGE", "MASK")},
            Boolean=_type("BOOLEAN", _Widget),
            String=_type("STRING", _Widget),
            Float=_type("FLOAT", _Number),
            Combo=_type("COMBO", _Combo),
            Custom=_type,
            ComfyNode=ComfyNode,
            Schema=Schema,
            NodeOutput=NodeOutput,
        )
        contents: dict[str, dict[str, Any]] = {
            "comfy_api": {},
            "comfy_api.v0_0_2": {
                "io": io,
                "ComfyExtension": ComfyExtension,
                "ComfyAPISync": ComfyAPISync,
                "InputImpl": SimpleNamespace(VideoFromFile=VideoFromFile),
            },
            "comfy": {},
            "comfy.model_management": {
                "throw_exception_if_processing_interrupted": throw_exception_if_processing_interrupted
            },
            "folder_paths": {"get_temp_directory": lambda: str(self.temporary)},
        }
        modules = {name: ModuleType(name) for name in contents}
        for name, module in modules.items():
            vars(module).update(contents[name])
        return modules

    def load(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        """Load the nodes in ``folder`` as ComfyUI loads custom nodes."""
        for name, module in self.modules().items():
            monkeypatch.setitem(sys.modules, name, module)
        name = f"custom_nodes_{folder.name}"
        spec = importlib.util.spec_from_file_location(name, folder / "__init__.py")
        assert spec is not None and spec.loader is not None
        package = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, package)
        for child in folder.glob("*.py"):  # removed again at the end, as they hold this stand-in
            monkeypatch.delitem(sys.modules, f"{name}.{child.stem}", raising=False)
        spec.loader.exec_module(package)
        return package

    def run(self, node: Any, **given: Any) -> tuple[Any, ...]:
        """The results of ``node`` for the inputs that are ``given``; the others have their defaults."""
        schema: Schema = node.define_schema()
        values = {item.id: value_of(item) for item in schema.inputs if has_value(item)}
        assert set(given) <= {item.id for item in schema.inputs}
        values |= given
        for item in schema.inputs:
            assert item.optional or item.id in values, f"{item.id} is not connected"
        parameters = inspect.signature(node.execute).parameters.values()
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            assert set(values) <= {parameter.name for parameter in parameters}
        results: tuple[Any, ...] = node.execute(**values).args
        assert len(results) == len(schema.outputs)
        return results


def has_value(item: _Input) -> bool:
    """Whether an input has a value of its own: a widget."""
    return isinstance(item, _Widget)


def value_of(item: _Input) -> Any:
    """The value that a widget has at first."""
    assert isinstance(item, _Widget)
    if isinstance(item, _Combo) and item.default is None:
        return item.options[0]
    return item.default


def image_of(pixels: list[Any]) -> torch.Tensor:
    """An IMAGE: (B, H, W, 3) in [0, 1]."""
    return torch.stack([torch.from_numpy(each) / 255 for each in pixels])
