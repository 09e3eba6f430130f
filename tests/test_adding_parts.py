"""The parts that docs/adding-parts.md writes meet the contracts of their kinds."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import vidstyle.testing
from vidstyle.engines.base import Engine
from vidstyle.flow.base import FlowEstimator
from vidstyle.losses.base import Loss
from vidstyle.metrics.base import Metric, Setup
from vidstyle.testing import EngineContract, FlowContract, LossContract, MetricContract

_PAGE = Path(__file__).resolve().parent.parent / "docs" / "adding-parts.md"


@cache
def _part(name: str) -> Any:
    """The attribute ``name`` of the page's block that defines it, run as a module."""
    blocks = re.findall(r"^```python\n(.*?)^```", _PAGE.read_text(encoding="utf-8"), re.S | re.M)
    block = next(block for block in blocks if re.search(rf"^(class|def) {name}\b", block, re.M))
    module = sys.modules[f"page_{name}"] = ModuleType(f"page_{name}")
    exec(compile(block, "page", "exec", dont_inherit=True), module.__dict__)
    return getattr(module, name)


def test_every_assertion_of_a_contract_has_a_message() -> None:
    bare = [
        f"{path.name}:{node.lineno}"
        for path in sorted(Path(vidstyle.testing.__file__).parent.glob("*.py"))
        for test in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_")
        for node in ast.walk(test)
        if isinstance(node, ast.Assert) and node.msg is None
    ]
    assert bare == []


class TestEngineOfThePage(EngineContract):
    def make(self, device: str) -> Engine[Any, Any]:
        made: Engine[Any, Any] = _part("dye")().to(device)
        return made


class TestFlowOfThePage(FlowContract):
    def make(self, device: str) -> FlowEstimator:
        made: FlowEstimator = _part("BlockMatching")(device=device)
        return made


class TestMetricOfThePage(MetricContract):
    def make(self, setup: Setup) -> Metric:
        made: Metric = _part("Unlikeness")(setup)
        return made


class TestLossOfThePage(LossContract):
    def make(self) -> Loss:
        made: Loss = _part("Grey").of(None)
        return made
