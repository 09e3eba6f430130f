"""``vidstyle live``: paints what a camera sees, for OBS, a browser or a virtual camera."""

from __future__ import annotations

import argparse
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, cast

from vidstyle.cli.logs import log_to_stderr, write_line
from vidstyle.cli.parser import Commands, add_options, add_styles, add_verbosity, select_options, style_name
from vidstyle.errors import OptionError
from vidstyle.options import CAMERA_QUALITY, PaintOptions, SteadyOptions

if TYPE_CHECKING:
    from vidstyle.live.painting import LiveReport, Sink
    from vidstyle.options.keywords import FrameKeywords

_HOST, _PORT = "127.0.0.1", 8090
_RATE = 10.0  # frames a second that are held if no other rate is asked for
_EVERY = 1.0  # s between two lines of progress

_EXAMPLES = f"""\
examples:
  vidstyle live --camera 0 --style waves                 # see http://{_HOST}:{_PORT}/
  vidstyle live --camera 0 --style painting.jpg --mjpeg 9000 --fps-target 15
  vidstyle live --camera clip.mp4 --style waves --virtual-camera
"""


def add(commands: Commands) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        "live",
        help="paint a camera while it runs, for OBS, a browser or a virtual camera",
        description="Paints what a camera sees: the newest frame each time, as large and as fine as holds a "
        f"rate (--fps-target, {_RATE:g} if not given). Ctrl-C ends it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--camera", default="0", metavar="CAMERA", help="its number, a file or an address (default: 0)"
    )
    add_styles(parser)
    parser.add_argument(
        "--mjpeg",
        type=_address,
        metavar="[HOST:]PORT",
        help="show the painting as motion JPEG at this address, as a browser source of OBS takes it "
        f"(default: {_HOST}:{_PORT}, unless there is a virtual camera)",
    )
    parser.add_argument(
        "--allow-remote", action="store_true", help="let HOST be an address that other machines reach"
    )
    parser.add_argument(
        "--virtual-camera", action="store_true", help="be a camera for other programs (extra vidstyle[live])"
    )
    add_verbosity(parser)
    add_options(parser, "painting", PaintOptions)
    add_options(parser, "steadiness", SteadyOptions)
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    from vidstyle.server.addresses import is_loopback

    style_name(arguments)
    address = arguments.mjpeg
    if address is None and not arguments.virtual_camera:
        address = _HOST, _PORT
    if address is not None and not is_loopback(address[0]) and not arguments.allow_remote:
        raise OptionError(
            f"--mjpeg {address[0]} can be reached from other machines; add --allow-remote if that is meant"
        )
    options, rate = _options(arguments)
    from vidstyle.api import Stylizer
    from vidstyle.device import own_process, set_threads, stream_threads
    from vidstyle.live.camera import Camera
    from vidstyle.live.mjpeg import MjpegServer
    from vidstyle.live.painting import paint_live
    from vidstyle.live.virtual_camera import VirtualCamera
    from vidstyle.pipeline.held_rate import check_paints_cameras

    check_paints_cameras(options)
    own_process()
    set_threads(stream_threads())
    progress = _Progress(is_quiet=arguments.quiet)
    with log_to_stderr(arguments), ExitStack() as stack:
        camera = stack.enter_context(Camera(arguments.camera))
        stylizer = Stylizer(arguments.style, **options)
        sinks: list[Sink] = []
        if address is not None:
            server = stack.enter_context(MjpegServer(*address))
            sinks.append(server)
            progress.say(f"{server.address}\nCtrl-C ends it")
        if arguments.virtual_camera:
            virtual = stack.enter_context(VirtualCamera(camera.width, camera.height, rate or _RATE))
            sinks.append(virtual)
            progress.say(f"virtual camera {virtual.name}\nCtrl-C ends it")
        with suppress(KeyboardInterrupt):  # how it is meant to end
            paint_live(camera, stylizer, sinks, rate=rate, on_frame=progress.note)
        progress.end()
    return 0


def _options(arguments: argparse.Namespace) -> tuple[FrameKeywords, float | None]:
    """Those given, what makes a stream quick where nothing else is asked for, and the rate that is held."""
    options = cast("FrameKeywords", select_options(arguments, PaintOptions, SteadyOptions))
    if not {"quality", "engine", "weights"} & options.keys():
        options["quality"] = CAMERA_QUALITY
    if options.setdefault("working_size", "auto") != "auto":
        return options, None
    return options, options.setdefault("fps_target", _RATE)


class _Progress:
    """Lines about the address, and once a second about the rate."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._last: LiveReport | None = None
        self._told: LiveReport | None = None

    def say(self, text: str) -> None:
        print(text, flush=True)

    def note(self, report: LiveReport) -> None:
        """Tell how many frames were painted, and how many a second since the last time."""
        self._last = report
        told = self._told = self._told or report
        seconds = report.seconds - told.seconds
        if seconds >= _EVERY and not self._is_quiet:
            self._told = report
            write_line(_text(report, (report.frames - told.frames) / seconds))

    def end(self) -> None:
        if self._last is not None and not self._is_quiet:
            print(_text(self._last, self._last.rate), flush=True)


def _text(report: LiveReport, rate: float) -> str:
    size = "{} x {} px".format(*report.size)
    return f"{report.frames} frames painted, {rate:.1f} a second at {size}, {report.dropped} left out"


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"must be a port up to 65535, like 9000 or {_HOST}:9000, got {text}")
    return host.strip("[]") or _HOST, int(port)
