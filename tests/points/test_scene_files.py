"""Files of scenes: new colours, and all else as it was; broken and empty files in a line."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import laspy
import numpy as np
import pytest
from numpy.typing import NDArray
from plyfile import PlyData, PlyElement
from solids import ball, write_ply

from vidstyle.cli.main import main
from vidstyle.points.files import KINDS, pending_scene, read_scene

_COUNT = 200
_VERTEX = ("x", "y", "z", "red", "green", "blue")


def _rewritten(path: Path, *, kept: float = 0.0) -> Path:
    """The scene written again with the colours' negative, to a file beside it."""
    scene = read_scene(path)
    assert scene.cloud.colors is not None
    target = path.with_name(f"new{path.suffix}")
    with pending_scene(scene, target, 1 - scene.cloud.colors, kept=kept) as appear:
        appear()
    return target


@pytest.mark.parametrize("is_text", [False, True])
def test_a_ply_keeps_its_faces_and_all_other_properties(is_text: bool, tmp_path: Path) -> None:
    path = write_ply(tmp_path / "scan.ply", _COUNT, is_text=is_text, has_faces=True)
    before, after = PlyData.read(path), PlyData.read(_rewritten(path))
    assert after.text == is_text and after.comments == before.comments
    assert [list(face) for face in after["face"]["vertex_indices"]] == [[0, 1, 2], [2, 3, 4]]
    old, new = before["vertex"].data, after["vertex"].data
    assert old.dtype == new.dtype
    for name in old.dtype.names:
        if name in ("red", "green", "blue"):
            assert np.array_equal(new[name], 255 - old[name])
        else:
            assert old[name].tobytes() == new[name].tobytes()


@pytest.mark.parametrize("has_colors", [True, False])
def test_lists_of_vertices_keep_their_kinds(has_colors: bool, tmp_path: Path) -> None:
    positions, colors = ball(_COUNT)
    kinds = [(name, "f4") for name in (_VERTEX if has_colors else _VERTEX[:3])]
    vertices = np.zeros(_COUNT, [*kinds, ("uv", object)])
    for column, (name, _) in enumerate(kinds):
        vertices[name] = np.concatenate([positions, colors], axis=1)[:, column]
    for number in range(_COUNT):
        vertices["uv"][number] = np.array([0.25, number + 0.5], np.float32)
    path = tmp_path / "scan.ply"
    element = PlyElement.describe(vertices, "vertex", len_types={"uv": "u2"}, val_types={"uv": "f4"})
    PlyData([element]).write(path)
    scene, target = read_scene(path), tmp_path / "new.ply"
    with pending_scene(scene, target, 1 - colors, kept=0) as appear:
        appear()
    before, after = PlyData.read(path)["vertex"], PlyData.read(target)["vertex"]
    assert str(after.ply_property("uv")) == str(before.ply_property("uv")) == "property list ushort float uv"
    assert all(np.array_equal(*pair) for pair in zip(after["uv"], before["uv"], strict=True))


def test_only_the_bytes_of_colours_change_in_a_binary_ply(tmp_path: Path) -> None:
    path = write_ply(tmp_path / "scan.ply", _COUNT)
    old, new = (np.frombuffer(file.read_bytes(), np.uint8) for file in (path, _rewritten(path)))
    assert len(old) == len(new)
    assert int((old != new).sum()) <= 3 * _COUNT
    record = PlyData.read(path)["vertex"].data.dtype.itemsize
    header = len(old) - record * _COUNT
    assert np.array_equal(old[:header], new[:header])


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".npz", ".las"])
def test_positions_far_from_their_origin_keep_their_differences(suffix: str, tmp_path: Path) -> None:
    near = np.round(ball(_COUNT)[0].astype(np.float64), 3)
    positions = near + np.array([500_000, 4_649_776, 300])  # metres, as surveys count them
    path = tmp_path / f"scan{suffix}"
    if suffix == ".ply":
        vertices = np.zeros(_COUNT, [(name, "f8") for name in "xyz"])
        for axis, name in enumerate("xyz"):
            vertices[name] = positions[:, axis]
        vertices["x"][7] = np.nan
        PlyData([PlyElement.describe(vertices, "vertex")]).write(path)
    elif suffix == ".obj":
        path.write_text("".join(f"v {x:.3f} {y:.3f} {z:.3f}\n" for x, y, z in positions))
    elif suffix == ".npz":
        np.savez(path, xyz=positions)
    else:
        las = laspy.LasData(laspy.LasHeader(point_format=7, version="1.4"))
        las.header.scales, las.header.offsets = [0.001] * 3, [500_000, 4_649_000, 0]
        las.x, las.y, las.z = positions.T
        las.write(str(path))
    read = read_scene(path).cloud.positions
    is_finite = np.isfinite(read).all(axis=1)
    assert is_finite.sum() == _COUNT - (suffix == ".ply")
    assert np.abs((read - read[0]) - (near - near[0]))[is_finite].max() < 1e-4


def test_a_cloud_without_colours_is_lit_and_gets_them(tmp_path: Path) -> None:
    path = write_ply(tmp_path / "scan.ply", _COUNT, has_colors=False)
    scene = read_scene(path)
    assert scene.cloud.colors is None
    target = tmp_path / "new.ply"
    with pending_scene(scene, target, np.full((_COUNT, 3), 0.2, np.float32), kept=0) as appear:
        appear()
    assert set(PlyData.read(target)["vertex"].data["green"]) == {51}


def test_splats_keep_their_shapes_and_their_harmonics_are_scaled(tmp_path: Path) -> None:
    names = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "f_rest_0", "opacity"]
    names += [f"scale_{axis}" for axis in range(3)] + [f"rot_{axis}" for axis in range(4)]
    splats = np.zeros(_COUNT, [(name, "f4") for name in names])
    chance = np.random.default_rng(1)
    for name in names:
        splats[name] = chance.normal(0, 0.5, _COUNT)
    path = tmp_path / "splats.ply"
    PlyData([PlyElement.describe(splats, "vertex")]).write(path)
    scene = read_scene(path)
    assert scene.cloud.radii is not None and scene.cloud.is_solid is not None
    new = PlyData.read(_rewritten(path, kept=0.25))["vertex"].data
    shown = (0.5 + 0.28209479 * splats["f_dc_0"]).clip(0, 1)
    assert new["f_dc_0"] == pytest.approx((1 - shown - 0.5) / 0.28209479, abs=1e-5)
    assert np.array_equal(new["f_rest_0"], splats["f_rest_0"] * np.float32(0.25))
    for name in ("x", "opacity", "scale_1", "rot_3"):
        assert new[name].tobytes() == splats[name].tobytes()


def test_splats_without_a_position_keep_all_their_bytes(tmp_path: Path) -> None:
    names = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "f_rest_0"]
    splats = np.zeros(_COUNT, [(name, "f4") for name in names])
    for name in names:
        splats[name] = np.random.default_rng(3).normal(0, 3, _COUNT)
    splats["y"][::9] = np.nan
    path = tmp_path / "splats.ply"
    PlyData([PlyElement.describe(splats, "vertex")]).write(path)
    new = PlyData.read(_rewritten(path))["vertex"].data
    assert new[::9].tobytes() == splats[::9].tobytes()
    assert not new["f_rest_0"][1::9].any()


def test_a_splat_file_keeps_all_bytes_but_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "scene.splat"
    path.write_bytes(np.random.default_rng(2).normal(0, 1, (_COUNT, 8)).astype("<f4").tobytes())
    old, new = (
        np.frombuffer(file.read_bytes(), np.uint8).reshape(-1, 32) for file in (path, _rewritten(path))
    )
    assert np.array_equal(new[:, 24:27], 255 - old[:, 24:27])
    assert np.array_equal(np.delete(new, [24, 25, 26], axis=1), np.delete(old, [24, 25, 26], axis=1))


def test_an_obj_keeps_every_line_but_the_colours_of_its_vertices(tmp_path: Path) -> None:
    vertices = [f"v {number} 0.50 {number * number} 1 0.25 0\r\n" for number in range(20)]
    text = ["# made by hand\r\n", "mtllib a.mtl\r\n", *vertices, "vt 0 1\r\n", "f 1/1 2/1 3/1\r\n"]
    path = tmp_path / "mesh.obj"
    path.write_bytes("".join(text).encode())
    lines = _rewritten(path).read_bytes().decode().splitlines(keepends=True)
    assert lines[2:22] == [
        f"v {number} 0.50 {number * number} 0.000000 0.750000 1.000000\r\n" for number in range(20)
    ]
    assert lines[:2] + lines[22:] == text[:2] + text[22:]


def test_an_npz_keeps_its_other_arrays(tmp_path: Path) -> None:
    positions, colors = ball(_COUNT)
    path = tmp_path / "cloud.npz"
    np.savez(path, xyz=positions, rgb=(colors * 255).astype(np.uint8), label=np.arange(_COUNT))
    with np.load(path) as old, np.load(_rewritten(path)) as new:
        assert set(new.files) == {"xyz", "rgb", "label"}
        assert new["rgb"].dtype == np.uint8 and np.array_equal(new["rgb"], 255 - old["rgb"])
        assert np.array_equal(new["label"], old["label"]) and np.array_equal(new["xyz"], old["xyz"])


@pytest.mark.parametrize(
    ("kind", "largest"), [("f4", 255), ("f8", 1), ("i8", 255), ("u2", 255), ("u2", 65535)]
)
def test_colours_are_read_by_their_range_and_written_in_it(kind: str, largest: int, tmp_path: Path) -> None:
    positions, colors = ball(_COUNT)
    given = (np.rint(colors * largest) if largest > 1 else colors).astype(kind)
    arrays: dict[str, NDArray[Any]] = {"file": np.arange(3), "xyz": positions, "rgb": given}
    path = tmp_path / "cloud.npz"
    with zipfile.ZipFile(path, "w") as archive:  # np.savez knows no array called "file"
        for name, values in arrays.items():
            np.save(archive_file := io.BytesIO(), values)
            archive.writestr(f"{name}.npy", archive_file.getvalue())
    vertices = np.zeros(
        _COUNT, [(name, kind if len(name) > 1 and kind != "i8" else "f4") for name in _VERTEX]
    )
    for column, name in enumerate(_VERTEX):
        vertices[name] = np.concatenate([positions, given], axis=1)[:, column]
    PlyData([PlyElement.describe(vertices, "vertex")]).write(tmp_path / "scan.ply")
    lines = [
        f"v {' '.join(map(str, (*place, *color)))}\n" for place, color in zip(positions, given, strict=True)
    ]
    (tmp_path / "mesh.obj").write_text("".join(lines))
    for file in (path, tmp_path / "scan.ply", tmp_path / "mesh.obj"):
        read = read_scene(file).cloud.colors
        assert read is not None and np.abs(read - colors).max() < 0.6 / 255, file
        again = read_scene(_rewritten(file)).cloud.colors
        assert again is not None and np.abs(again + colors - 1).max() < 1.2 / 255, file
    with np.load(_rewritten(path)) as new:
        assert new["rgb"].dtype == np.dtype(kind) and set(new.files) == set(arrays)
        assert float(new["rgb"].max()) == pytest.approx((1 - colors.min()) * largest, abs=1)


def test_colours_of_another_shape_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "cloud.npz", xyz=ball(_COUNT)[0], rgb=np.zeros((_COUNT, 4), np.uint8))
    assert main(["points", str(tmp_path / "cloud.npz"), "--style", "waves"]) == 1
    assert "colours must be (200, 3), as positions are, got (200, 4)" in capsys.readouterr().err


def test_a_las_whose_colours_are_all_zero_gets_16_bits(tmp_path: Path) -> None:
    positions, colors = ball(_COUNT)
    las = laspy.LasData(laspy.LasHeader(point_format=2))
    las.x, las.y, las.z = positions.T
    path = tmp_path / "scan.las"
    las.write(str(path))
    with pending_scene(read_scene(path), tmp_path / "new.las", colors, kept=0) as appear:
        appear()
    red = np.asarray(laspy.read(str(tmp_path / "new.las")).red)
    assert np.abs(red - colors[:, 0] * 65535.0).max() <= 1


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_a_las_keeps_its_other_dimensions(suffix: str, tmp_path: Path) -> None:
    positions, colors = ball(_COUNT)
    las = laspy.LasData(laspy.LasHeader(point_format=7, version="1.4"))
    las.x, las.y, las.z = (positions[:, axis] + 1e5 for axis in range(3))
    for channel, name in enumerate(("red", "green", "blue")):
        las[name] = (colors[:, channel] * 65535).astype(np.uint16)
    las.intensity, las.gps_time = np.arange(_COUNT, dtype=np.uint16), np.linspace(0, 1, _COUNT)
    path = tmp_path / f"scan{suffix}"
    las.write(str(path))
    new = laspy.read(str(_rewritten(path)))
    assert np.array_equal(new.red, 65535 - np.asarray(las.red))
    for name in ("X", "Y", "Z", "intensity", "gps_time", "classification"):
        assert np.array_equal(new[name], las[name])


@pytest.mark.parametrize("suffix", [*KINDS, ".xyz"])
@pytest.mark.parametrize("content", [b"", b"\x00\x01 no scene at all \xff" * 3])
def test_a_broken_or_empty_file_is_told_in_a_line(
    suffix: str, content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    assert main(["points", str(path), "--style", "waves"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and str(path) in lines[0]
    assert list(tmp_path.iterdir()) == [path]


def test_a_ply_that_ends_early_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_ply(tmp_path / "scan.ply", _COUNT)
    path.write_bytes(path.read_bytes()[:-100])
    assert main(["points", str(path), "--style", "waves"]) == 1
    assert "cannot be read as ply" in capsys.readouterr().err


def test_a_ply_with_a_part_of_the_colours_is_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vertices = np.zeros(_COUNT, [*((name, "f4") for name in "xyz"), ("red", "u1")])
    PlyData([PlyElement.describe(vertices, "vertex")]).write(tmp_path / "scan.ply")
    assert main(["points", str(tmp_path / "scan.ply"), "--style", "waves"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "its vertices have red, but no green, blue" in error


def test_pickled_objects_are_not_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.BytesIO()
    np.savez(stream, positions=np.array([{"a": 1}], object))
    path = tmp_path / "cloud.npz"
    path.write_bytes(stream.getvalue())
    assert main(["points", str(path), "--style", "waves"]) == 1
    assert "cannot be read as npz" in capsys.readouterr().err


def test_an_npz_of_other_things_than_numbers_is_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cloud.npz"
    path.write_bytes(b"no archive at all")
    assert main(["points", str(path), "--style", "waves"]) == 1
    assert capsys.readouterr().err == f"vidstyle: {path} is no NPZ file\n"
    for name, values in (("colors", np.full((20, 3), "red")), ("positions", np.full((20, 3), 1j))):
        np.savez(path, **{"positions": np.random.default_rng(1).random((20, 3)), name: values})  # type: ignore[arg-type]
        assert main(["points", str(path), "--style", "waves"]) == 1
        assert f"{path}: the array {name} must hold numbers" in capsys.readouterr().err
