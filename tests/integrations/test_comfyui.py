"""The nodes for ComfyUI, run by a stand-in for its API: results, progress, cancelling, example workflow."""

from __future__ import annotations

import asyncio
import io
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clips import Sound, shapes, write_clip
from comfy_stand_in import (
    Comfy,
    InterruptProcessingException,
    VideoFromFile,
    has_value,
    image_of,
)

import vidstyle
from vidstyle.video.reading.reader import Reader

FOLDER = Path(__file__).resolve().parent.parent.parent / "integrations" / "comfyui"
SIZE = (64, 48)  # px


@pytest.fixture
def comfy(tmp_path: Path) -> Comfy:
    return Comfy(tmp_path / "temp")


@pytest.fixture
def nodes(comfy: Comfy, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The nodes by their names in workflows."""
    extension = asyncio.run(comfy.load(FOLDER, monkeypatch).comfy_entrypoint())
    return {node.define_schema().node_id: node for node in asyncio.run(extension.get_node_list())}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", shapes(5, *SIZE), sounds=[Sound()])


def _frames(video: VideoFromFile) -> list[Any]:
    source = video.get_stream_source()
    assert isinstance(source, str)
    with Reader(source) as reader:
        return [frame.pixels for frame in reader]


def _painting(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 255, (40, 40, 3), np.uint8)


def test_a_video_is_painted_as_by_vidstyle_itself(
    comfy: Comfy, nodes: dict[str, Any], clip: Path, tmp_path: Path
) -> None:
    (painted,) = comfy.run(nodes["VidstylePaintVideo"], video=VideoFromFile(str(clip)), style="mosaic")
    vidstyle.stylize_video(clip, tmp_path / "expected.mp4", style="mosaic")
    expected = _frames(VideoFromFile(str(tmp_path / "expected.mp4")))
    assert all(np.array_equal(a, b) for a, b in zip(_frames(painted), expected, strict=True))
    assert comfy.shown == [(number, 5) for number in range(1, 6)]


def test_the_part_that_a_video_is_trimmed_to_is_painted(
    comfy: Comfy, nodes: dict[str, Any], tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shapes(5, *SIZE), rate=10)
    # 0.1 + 0.2 is a little more than 0.3, the time of a frame that is no longer meant
    video = VideoFromFile(io.BytesIO(clip.read_bytes()), start_time=0.1, duration=0.2)
    mask = torch.zeros(1, SIZE[1], SIZE[0])
    (painted,) = comfy.run(nodes["VidstylePaintVideo"], video=video, mask=mask, detail=0.0)
    results = _frames(painted)
    assert len(results) == 2
    assert np.abs(results[0].astype(int) - shapes(5, *SIZE)[1]).mean() < 8  # black keeps the clip


def test_cancelling_leaves_no_file(comfy: Comfy, nodes: dict[str, Any], clip: Path) -> None:
    comfy.cancels_at = 2
    with pytest.raises(InterruptProcessingException):
        comfy.run(nodes["VidstylePaintVideo"], video=VideoFromFile(str(clip)))
    assert comfy.shown == [(1, 5), (2, 5)]
    assert list(comfy.temporary.iterdir()) == []


def test_frames_are_painted_in_a_mix_of_styles(comfy: Comfy, nodes: dict[str, Any]) -> None:
    one, other = _painting(1), _painting(2)
    (mix,) = comfy.run(
        nodes["VidstyleStyleMix"], picture_1=image_of([one]), picture_2=image_of([other]), weight_2=3.0
    )
    pictures = shapes(3, *SIZE)
    (painted,) = comfy.run(nodes["VidstylePaintFrames"], images=image_of(pictures), mix=mix, stability=0.5)
    expected = vidstyle.stylize_frames(
        iter(pictures), style=[one, other], style_weights=[1, 3], stability=0.5
    )
    assert painted.shape == (3, SIZE[1], SIZE[0], 3)
    assert torch.equal((painted * 255).round().to(torch.uint8), torch.from_numpy(np.stack(list(expected))))


def test_painted_frames_are_steadied_and_keyframes_propagated(
    comfy: Comfy, nodes: dict[str, Any], clip: Path
) -> None:
    video, pictures = VideoFromFile(str(clip)), shapes(5, *SIZE)
    inverted = image_of([255 - picture for picture in pictures])
    (steadied,) = comfy.run(nodes["VidstyleSteadyFrames"], video=video, painted=inverted)
    assert len(_frames(steadied)) == 5
    (carried,) = comfy.run(
        nodes["VidstylePropagateKeyframes"], video=video, keyframes=inverted[[0, 4]], times="0, #4"
    )
    assert np.abs(_frames(carried)[4].astype(int) - (255 - pictures[4])).mean() < 12


@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        ("VidstyleSteadyFrames", {}, "connect painted or painted_video"),
        ("VidstylePropagateKeyframes", {"times": "0, 1", "keyframes": 1}, "1 pictures but 2 times"),
        ("VidstylePaintVideo", {"mask": torch.zeros(2, 4, 4)}, "one mask for all frames, got 2"),
    ],
)
def test_inputs_that_do_not_fit_are_told_in_one_line(
    comfy: Comfy, nodes: dict[str, Any], clip: Path, name: str, inputs: dict[str, Any], message: str
) -> None:
    if "keyframes" in inputs:
        inputs = {**inputs, "keyframes": image_of([_painting(1)])}
    with pytest.raises(ValueError, match=message):
        comfy.run(nodes[name], video=VideoFromFile(str(clip)), **inputs)
    assert list(comfy.temporary.glob("*")) == []


def test_the_example_workflow_fits_the_nodes(nodes: dict[str, Any]) -> None:
    text = (FOLDER / "example_workflows" / "paint_video.json").read_text(encoding="utf-8")
    workflow = json.loads(text)
    made = {node["id"]: node for node in workflow["nodes"]}
    ours = [node for node in workflow["nodes"] if node["type"] in nodes]
    assert {node["type"] for node in workflow["nodes"]} - set(nodes) == {
        "LoadVideo",
        "LoadImage",
        "SaveVideo",
    }
    for node in ours:
        schema = nodes[node["type"]].define_schema()
        widgets = [item for item in schema.inputs if has_value(item)]
        assert len(node["widgets_values"]) == len(widgets)
        sockets = {item.id: item.io_type for item in schema.inputs}
        assert all(sockets[item["name"]] == item["type"] for item in node["inputs"])
        assert [item["type"] for item in node["outputs"]] == [item.io_type for item in schema.outputs]
        for value, item in zip(node["widgets_values"], widgets, strict=True):
            assert isinstance(value, type(item.default)) or value in item.options
    for number, origin, slot, target, place, kind in workflow["links"]:
        assert number in made[origin]["outputs"][slot]["links"]
        assert made[target]["inputs"][place]["link"] == number
        assert made[origin]["outputs"][slot]["type"] == made[target]["inputs"][place]["type"] == kind


def test_the_package_says_what_the_registry_asks_for_and_pins_nothing_of_comfyui() -> None:
    about = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))
    project = about["project"]
    assert project["version"] == vidstyle.__version__
    assert project["license"] == {"text": "Apache-2.0"}
    assert {"PublisherId", "DisplayName", "requires-comfyui"} <= set(about["tool"]["comfy"])
    assert project["dependencies"] == (FOLDER / "requirements.txt").read_text(encoding="utf-8").split()
    assert not {"torch", "numpy", "av"} & {name.split(">")[0] for name in project["dependencies"]}
