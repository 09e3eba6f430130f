"""``vidstyle points``: paints a scene captured in 3D so that it looks the same from all sides."""

from __future__ import annotations

import argparse
from pathlib import Path

from vidstyle.cli.logs import log_to_stderr
from vidstyle.cli.parser import (
    Parser,
    add_options,
    add_styles,
    add_verbosity,
    select_options,
    style_name,
)
from vidstyle.derived_names import name_beside
from vidstyle.optional_imports import require
from vidstyle.options import PaintOptions
from vidstyle.points.settings import SceneOptions
from vidstyle.printable import printable

_EXAMPLES = """\
examples:
  vidstyle points scan.ply --style waves --orbit flight.mp4
  vidstyle points room.laz --style painting.jpg --inside --up z -o painted.laz
  vidstyle points scan.ply --style waves --way points
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        "points",
        help="paint a point cloud, a coloured mesh or Gaussian splats, the same from all sides",
        description="Paints a scene captured in 3D: .ply (points, meshes with colours of vertices, Gaussian "
        "splats), .obj, .las, .laz, .npz, .splat. All but its colours stays as it is.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scene", metavar="SCENE", help="the file of the scene")
    add_styles(parser)
    parser.add_argument("-o", "--output", metavar="OUT", help="the result (default: <scene>_<style>)")
    parser.add_argument("--orbit", metavar="FILM", help="write a film of a flight around the painted scene")
    add_verbosity(parser)
    add_options(parser, "the scene", SceneOptions)
    add_options(parser, "painting", PaintOptions, leave_out=("style_track", "mask", "fps_target"))
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    name = style_name(arguments)
    for module in ("scipy", "plyfile"):
        require(module, "vidstyle points")
    with log_to_stderr(arguments):
        from vidstyle.options import make_record
        from vidstyle.points.painting import paint_scene

        source = Path(arguments.scene)
        target = Path(arguments.output) if arguments.output else name_beside(source, name, source.suffix)
        with _Steps(arguments.quiet) as draw:
            painted = paint_scene(
                source,
                target,
                style=arguments.style,
                scene=make_record(SceneOptions, select_options(arguments, SceneOptions)),
                paint=make_record(PaintOptions, select_options(arguments, PaintOptions)),
                orbit=Path(arguments.orbit) if arguments.orbit else None,
                on_step=draw,
            )
    if not arguments.quiet:
        seen = "" if painted.seen == 1 else f", {painted.seen:.0%} of them seen"
        print(
            printable(f"{painted.target}: {painted.points:,} points{seen}, in {painted.seconds:.1f} s"),
            flush=True,
        )
    return 0


class _Steps:
    """A progress bar for each step of painting a scene, as a context; not drawn if ``hidden``."""

    def __init__(self, hidden: bool) -> None:
        from tqdm import tqdm

        from vidstyle.cli.progress import StatusLines

        self._lines = StatusLines(hidden)
        self._bar: tqdm[None] = tqdm(disable=True if hidden else None, leave=False, dynamic_ncols=True)

    def __enter__(self) -> _Steps:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def __call__(self, what: str, done: int, total: int) -> None:
        self._lines.update(lambda: f"{what}: {done} of {total}")
        self._bar.set_description(what, refresh=False)
        self._bar.total = total
        self._bar.n = done
        self._bar.refresh()
