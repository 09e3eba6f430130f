"""Scenes painted in both ways: the same from all sides, true motion, the network on points."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from plyfile import PlyData
from solids import ball, scene, write_ply

from vidstyle.cli.main import main
from vidstyle.errors import OutputError
from vidstyle.nn.small_vgg import bundled
from vidstyle.points.by_points import PointNetwork
from vidstyle.points.cameras import Camera, path, shape_of, up_vector
from vidstyle.points.cloud import Cloud, completed
from vidstyle.points.consistency import warping_error
from vidstyle.points.exact_flow import ExactFlow, motion
from vidstyle.points.files import read_scene
from vidstyle.points.fusion import filled, fused
from vidstyle.points.levels import _voxels, pyramid
from vidstyle.points.painting import paint_scene
from vidstyle.points.rendering import View, on_device, projected, render
from vidstyle.points.settings import SceneOptions
from vidstyle.video.reading.reader import Reader

_CPU = torch.device("cpu")


def _views(cloud: Cloud, cameras: list[Camera]) -> list[View]:
    whole = completed(cloud)
    assert whole.colors is not None
    points, colors = on_device(whole, _CPU), torch.from_numpy(whole.colors)
    return [render(points, colors, camera, torch.zeros(3)) for camera in cameras]


def _cameras(cloud: Cloud, count: int, side: int = 96) -> list[Camera]:
    return path(shape_of(cloud.positions), count, (side, side))


def _difference(cloud: Cloud, first: View, second: View) -> float:
    """The mean difference of the colours in which two views show the same points."""
    looks = []
    for view in (first, second):
        x, y, depth = projected(torch.from_numpy(cloud.positions), view.camera)
        size = torch.tensor([view.camera.width - 1, view.camera.height - 1])
        grid = (2 * torch.stack([x, y], dim=-1) / size - 1)[None, None]
        values = torch.cat([view.image, view.depth.nan_to_num(posinf=0)[..., None]], dim=-1)
        seen = F.grid_sample(values.permute(2, 0, 1)[None], grid, align_corners=True)[0, :, 0]
        looks.append((seen[:3], depth < 1.01 * seen[3]))
    both = looks[0][1] & looks[1][1]
    return float((looks[0][0] - looks[1][0]).abs().mean(dim=0)[both].mean())


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud(*scene(12_000))


def test_a_view_shows_the_colours_of_the_points_in_front(cloud: Cloud) -> None:
    camera = _cameras(cloud, 3)[1]
    (view,) = _views(cloud, [camera])
    x, y, depth = projected(torch.from_numpy(cloud.positions), camera)
    shown = view.depth[y.round().long().clamp(0, 95), x.round().long().clamp(0, 95)]
    front = depth < 1.01 * shown
    assert 0.15 < float(front.float().mean()) < 0.85  # the back of the ball and what it hides are not seen
    colors = view.image[y.round().long().clamp(0, 95), x.round().long().clamp(0, 95)]
    assert cloud.colors is not None
    assert float((colors - torch.from_numpy(cloud.colors)).abs().mean(dim=1)[front].mean()) < 0.03


def test_the_motion_between_views_leads_to_the_same_place_of_the_scene(cloud: Cloud) -> None:
    cameras = _cameras(cloud, 24)[10:12]
    first, second = _views(cloud, cameras)
    flow, is_seen = motion(cameras[0], first.depth, cameras[1], second.depth)
    positions = torch.from_numpy(cloud.positions)
    (x, y, depth), (to_x, to_y, to_depth) = (projected(positions, camera) for camera in cameras)
    column, row = x.round().long().clamp(0, 95), y.round().long().clamp(0, 95)
    to_column, to_row = to_x.round().long().clamp(0, 95), to_y.round().long().clamp(0, 95)
    front = (depth < 1.005 * first.depth[row, column]) & is_seen[0, 0, row, column]
    front &= to_depth < 1.005 * second.depth[to_row, to_column]
    error = torch.stack([to_x - x, to_y - y]) - flow[0][:, row, column]
    assert float(error.norm(dim=0)[front].mean()) < 0.2  # px, of a motion of several
    assert float(flow[0][:, row, column].norm(dim=0)[front].mean()) > 2


def test_what_another_view_does_not_see_gets_a_flow_that_leaves_the_picture(cloud: Cloud) -> None:
    cameras = [_cameras(cloud, 24)[10], _cameras(cloud, 24)[13]]
    views = _views(cloud, cameras)
    pictures = [(view.image * 255).round().to(torch.uint8).numpy() for view in views]
    flow = ExactFlow(cameras, [view.depth for view in views], pictures)
    tensors = [torch.from_numpy(picture).permute(2, 0, 1)[None] / 255 for picture in pictures]
    moved = flow(tensors[0], tensors[1])
    hidden = moved[0, 0] > 96
    assert 0.05 < float(hidden.float().mean()) < 0.95
    assert float(flow(tensors[0], tensors[0]).abs().max()) < 0.01
    assert flow(1 - tensors[0], tensors[1]).shape == moved.shape  # of no view: estimated


@pytest.mark.parametrize(
    "arguments",
    [
        ["--engine", "stylenet", "--views", "8", "--view-size", "96"],
        ["--engine", "gatys", "--engine-option", "features=small", "--engine-option", "iterations=3"],
        ["--way", "points"],
    ],
    ids=["views", "views by keyframes", "points"],
)
def test_a_point_has_the_same_colour_from_all_sides_and_all_else_stays(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_ply(tmp_path / "scan.ply", 6000)
    film = tmp_path / "flight.mp4"
    command = ["points", str(source), "--style", "waves", *arguments]
    if "gatys" in arguments:
        command += ["--views", "5", "--view-size", "64"]
    if "--way" in arguments:
        command += ["--orbit", str(film), "--orbit-seconds", "0.2", "--orbit-size", "64"]
    assert main(command) == 0
    assert "6,000 points" in capsys.readouterr().out
    old, new = (PlyData.read(file)["vertex"].data for file in (source, tmp_path / "scan_waves.ply"))
    for name in ("x", "y", "z", "confidence", "label"):
        assert old[name].tobytes() == new[name].tobytes()
    change = np.mean([np.abs(old[name].astype(int) - new[name]).mean() for name in ("red", "green", "blue")])
    assert change > 10  # levels of 255
    painted = read_scene(tmp_path / "scan_waves.ply").cloud
    views = _views(painted, _cameras(painted, 24, 192)[12:16])
    differences = [_difference(painted, *pair) for pair in pairwise(views)]
    assert np.mean(differences) < 0.02  # of the range
    if film.exists():
        with Reader(film) as reader:
            frames = list(reader)
        assert len(frames) == 5 and frames[0].pixels.shape == (64, 114, 3)


def test_unpainted_views_give_each_point_its_own_colour_and_none_of_what_is_around() -> None:
    chance = np.random.default_rng(4)
    count, gap = 8000, 0.4
    across = chance.uniform(-1, 1, (2 * count, 2))
    height = np.repeat([0.0, gap], count)
    positions = np.stack([across[:, 0], height, across[:, 1]], axis=1).astype(np.float32)
    colors = np.repeat(np.array([[1, 0, 0], [0, 0, 1]], np.float32), count, axis=0)
    cloud = completed(Cloud(positions, colors))
    cameras = _cameras(cloud, 14)
    views = _views(cloud, cameras)
    points = on_device(cloud, _CPU)
    found, weights = fused(
        points, cameras, [view.depth for view in views], lambda: [view.image for view in views]
    )
    seen = weights > 0
    assert seen.mean() > 0.9
    assert np.abs(found - colors)[seen].mean() < 0.03
    assert np.quantile(np.abs(found - colors)[seen].max(axis=1), 0.99) < 0.5
    at_border = seen & (np.abs(across).max(axis=1) > 0.97)
    assert np.abs(found - colors)[at_border].mean() < 0.03


def test_the_outlines_of_a_painted_scene_have_no_rim_of_the_background(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    across = chance.uniform(-1, 1, (4000, 2))  # a dark sheet, and a bright ball beside it
    sheet = np.stack([across[:, 0], across[:, 1], np.zeros(4000)], axis=1)
    positions = np.concatenate([sheet, 0.3 * ball(4000)[0] + [0, 1.6, 0]])
    colors = np.repeat(np.array([[45], [230]], np.uint8), 4000, axis=0).repeat(3, axis=1)
    np.savez(tmp_path / "scene.npz", positions=positions, colors=colors)
    command = ["points", str(tmp_path / "scene.npz"), "--style", "waves", "--engine", "stylenet"]
    assert main([*command, "--views", "6", "--view-size", "96", "-o", str(tmp_path / "painted.npz")]) == 0
    with np.load(tmp_path / "painted.npz") as painted:
        light = painted["colors"][:4000].mean(axis=1)
    from_middle = np.abs(across).max(axis=1)
    rim, inner = light[from_middle > 0.97].mean(), light[from_middle < 0.8].mean()
    assert abs(rim - inner) < 15  # levels of 255


def test_points_that_no_view_sees_take_the_colours_of_the_nearest(cloud: Cloud) -> None:
    assert cloud.colors is not None
    weights = np.ones(len(cloud), np.float32)
    weights[::50] = 0
    known = cloud.colors.copy()
    known[::50] = 9
    result = filled(cloud, known, weights)
    assert np.array_equal(result[weights > 0], cloud.colors[weights > 0])
    assert np.abs(result - cloud.colors)[::50].mean() < 0.05


def test_the_network_on_a_flat_grid_of_points_is_the_network_on_a_picture() -> None:
    network = bundled()
    side = 32
    picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1))
    row, column = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    positions = np.stack([column, -row, np.zeros_like(row)], axis=-1).reshape(-1, 3).astype(np.float32)
    colors = picture[0].permute(1, 2, 0).reshape(-1, 3).numpy()
    normals = np.repeat(np.array([[0, 0, 1]], np.float32), len(positions), axis=0)
    built = pyramid(Cloud(positions, colors, normals), 1.0, 4, up_vector("y"))
    order = torch.from_numpy(np.lexsort((built.positions[:, 0], -built.positions[:, 1])))
    on_points = PointNetwork(network, built.levels)
    assert torch.allclose(
        on_points.encode(built.colors, 1)[order].T.view(-1, side, side),
        network.encode(picture, 1)[0],
        atol=1e-4,
    )
    first = network.first(4)
    painted = on_points.picture(on_points.encode(built.colors, 4), 4, first)[order].T.view(3, side, side)
    assert torch.allclose(painted, network.picture(network.encode(picture, 4), 4, first)[0], atol=1e-3)


def test_a_point_far_away_leaves_the_voxels_of_the_others_as_they_are() -> None:
    positions = ball(2000)[0]
    far = np.array([[-1e7, 0, 0]], np.float32)
    voxels = np.unique(_voxels(positions, 0.1)[0]).size
    with_far = _voxels(np.concatenate([positions, far]), 0.1)[0]
    assert np.unique(with_far[:-1]).size == pytest.approx(voxels, rel=0.05)


def test_a_flight_around_colours_that_do_not_change_is_consistent_and_one_that_flickers_is_not(
    cloud: Cloud,
) -> None:
    cameras = _cameras(cloud, 24)[10:16]
    views = _views(cloud, cameras)
    depths = [view.depth for view in views]
    steady = [view.image for view in views]
    flickering = [image * (0.8 + 0.2 * (number % 2)) for number, image in enumerate(steady)]
    assert warping_error(steady, cameras, depths, step=1) < 3
    assert warping_error(flickering, cameras, depths, step=1) > 7
    far = warping_error(steady, cameras, depths, step=4)
    assert far < 6
    assert warping_error(flickering, cameras, depths, step=4) < far  # every second picture is as dark


def test_points_without_colours_and_with_gaps_and_infinities_are_painted(tmp_path: Path) -> None:
    positions = ball(3000)[0]
    positions[1000:] *= 0.2  # a dense core
    positions[5] = np.nan
    np.savez(tmp_path / "cloud.npz", positions=positions)
    command = ["points", str(tmp_path / "cloud.npz"), "--style", "waves", "--way", "points"]
    assert main([*command, "-o", str(tmp_path / "painted.npz")]) == 0
    with np.load(tmp_path / "painted.npz") as painted:
        assert painted["colors"].shape == (3000, 3) and painted["colors"].dtype == np.uint8
        assert len(np.unique(painted["colors"][1000:], axis=0)) > 20


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--way", "points", "--engine", "stylenet"], "runs the engine wct only"),
        (["-o", "painted.obj"], "a scene keeps its kind"),
        (["--style", "none.jpg"], "none.jpg"),
        (["--orbit", "film.txt"], "cannot write '.txt' files"),
        (["--orbit", "-"], "--orbit - is a pipe"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    arguments: list[str],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_ply(tmp_path / "scan.ply", 400)
    command = ["points", "scan.ply", "--style", "waves", "--view-size", "64", "--views", "2"]
    assert main([*command, *arguments]) == 1
    assert line in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["scan.ply"]


@pytest.mark.parametrize(
    ("lost", "is_there"),
    [("painted.ply", False), ("flight.mp4", False), ("flight.mp4", True)],
    ids=["scene", "film", "film, over an older scene"],
)
def test_a_scene_and_its_film_appear_together_or_not_at_all(
    lost: str, is_there: bool, tmp_path: Path
) -> None:
    source = write_ply(tmp_path / "scan.ply", 400)
    target, film = tmp_path / "painted.ply", tmp_path / "flight.mp4"
    if is_there:
        target.write_bytes(b"older")
    before = {file.name for file in tmp_path.iterdir()} | {lost}

    def take_the_place(what: str, done: int, total: int) -> None:
        if what == "orbit" and done == total:
            (tmp_path / lost).mkdir()  # nothing can be moved there any more

    options = SceneOptions(way="points", orbit_seconds=0.1, orbit_size=64, overwrite=is_there)
    with pytest.raises(OutputError, match=f"cannot write .*{lost}"):
        paint_scene(source, target, style="waves", scene=options, orbit=film, on_step=take_the_place)
    assert {file.name for file in tmp_path.iterdir()} == before
    assert not is_there or target.read_bytes() == b"older"


def test_a_film_replaces_an_older_one_with_its_scene_and_leaves_nothing_beside_them(tmp_path: Path) -> None:
    write_ply(tmp_path / "scan.ply", 400)
    for name in ("painted.ply", "flight.mp4"):
        (tmp_path / name).write_bytes(b"older")
    options = SceneOptions(way="points", orbit_seconds=0.1, orbit_size=64, overwrite=True)
    target, film = tmp_path / "painted.ply", tmp_path / "flight.mp4"
    paint_scene(tmp_path / "scan.ply", target, style="waves", scene=options, orbit=film)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["flight.mp4", "painted.ply", "scan.ply"]
    assert min(target.stat().st_size, film.stat().st_size) > 500
