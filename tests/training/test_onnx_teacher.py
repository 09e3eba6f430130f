"""Teachers from ONNX files: what they take is told from their inputs, and what they return is a painting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from onnx import TensorProto, helper

from vidstyle.errors import InputError, OptionError, WeightsMismatch
from vidstyle.training.config import settings
from vidstyle.training.onnx_teacher import OnnxTeacher
from vidstyle.training.trainer import train

CONTENT = torch.rand(1, 3, 24, 40, generator=torch.Generator().manual_seed(0))
STYLE = torch.rand(1, 3, 30, 20, generator=torch.Generator().manual_seed(1))


def saved(path: Path, inputs: dict[str, list[Any]], output: list[Any], *nodes: Any) -> Path:
    made = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, output)],
    )
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))
    return path


@pytest.fixture
def of_pictures(tmp_path: Path) -> Path:
    """The content plus the mean of the style picture, channels first, any size; the style comes first."""
    return saved(
        tmp_path / "pictures.onnx",
        {"style": [1, 3, "h", "w"], "content": [1, 3, "a", "b"]},
        [1, 3, "a", "b"],
        helper.make_node("GlobalAveragePool", ["style"], ["mean"]),
        helper.make_node("Add", ["content", "mean"], ["out"]),
    )


@pytest.fixture
def of_codes(tmp_path: Path) -> tuple[Path, Path]:
    """A network of fixed size, channels last, that adds a code of three numbers; and what makes codes."""
    painter = saved(
        tmp_path / "painter.onnx",
        {"content": [1, 32, 32, 3], "code": [1, 1, 1, 3]},
        [1, 32, 32, 3],
        helper.make_node("Add", ["content", "code"], ["out"]),
    )
    encoder = saved(
        tmp_path / "encoder.onnx",
        {"style": [1, 16, 16, 3]},
        [1, 1, 1, 3],
        helper.make_node("Transpose", ["style"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("GlobalAveragePool", ["first"], ["mean"]),
        helper.make_node("Transpose", ["mean"], ["out"], perm=[0, 2, 3, 1]),
    )
    return painter, encoder


def test_a_network_of_two_pictures_teaches(of_pictures: Path) -> None:
    teacher = OnnxTeacher(of_pictures)
    painted = teacher.stylize(CONTENT, teacher.encode_style(STYLE)).image
    expected = (CONTENT + STYLE.mean((2, 3), keepdim=True)).clamp(0, 1)
    assert painted.shape == CONTENT.shape
    torch.testing.assert_close(painted, expected, atol=0.01, rtol=0)


def test_a_network_of_codes_teaches_with_what_makes_them(of_codes: tuple[Path, Path]) -> None:
    teacher = OnnxTeacher(*of_codes)
    embedding = teacher.encode_style(STYLE)
    torch.testing.assert_close(embedding, STYLE.mean((0, 2, 3)), atol=0.02, rtol=0)
    half = teacher.mix([embedding, torch.zeros(3)], [0.5, 0.5])
    torch.testing.assert_close(half, embedding / 2)
    even = torch.full((1, 3, 24, 40), 0.25)
    painted = teacher.stylize(even, half).image  # painted at 32x32 and brought back
    torch.testing.assert_close(painted, even + half.view(1, 3, 1, 1), atol=1e-5, rtol=0)


def test_a_student_learns_from_an_onnx_file(
    contents: Path, styles: Path, tmp_path: Path, of_pictures: Path
) -> None:
    pairs = (
        "losses=distillation=1",
        f"teacher={of_pictures}",
        "mixtures=0",
        "crop=64",
        "batch=2",
        "workers=0",
    )
    done = train(
        "stylenet-distil",
        contents,
        styles,
        tmp_path / "run",
        settings("stylenet-distil", pairs=pairs, steps=2),
    )
    assert done.step == 2
    assert done.losses["distillation"] > 0


def test_networks_that_cannot_teach_are_refused_in_one_line(
    tmp_path: Path, of_pictures: Path, of_codes: tuple[Path, Path]
) -> None:
    with pytest.raises(OptionError, match="teacher_weights"):
        OnnxTeacher(of_codes[0])
    with pytest.raises(WeightsMismatch, match="makes no embeddings"):
        OnnxTeacher(of_codes[0], of_pictures)
    with pytest.raises(WeightsMismatch, match="it takes style"):
        OnnxTeacher(of_codes[1])
    with pytest.raises(InputError, match="no file"):
        OnnxTeacher(tmp_path / "none.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_text("not a network")
    with pytest.raises(InputError, match="cannot be read"):
        OnnxTeacher(broken)
    pictures = OnnxTeacher(of_pictures)
    with pytest.raises(OptionError, match="mixtures=0"):
        pictures.mix([CONTENT, CONTENT], [0.5, 0.5])
