"""``vidstyle doctor``: checks versions, devices, codecs and weights."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

from vidstyle.cli.parser import Parser
from vidstyle.cli.torch_check import torch_checks
from vidstyle.errors import VidstyleError
from vidstyle.optional_imports import library_of


def add(commands: Any) -> None:
    """Add the command to ``commands``."""
    parser: Parser = commands.add_parser(
        "doctor",
        help="check versions, devices, codecs and weights",
        description="Says what is installed and what works here; exit code 1 if something needed does not.",
    )
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    is_working = True
    for title, check in _CHECKS.items():
        print(title)
        for is_ok, line in check():
            print(f"  {'ok' if is_ok else 'NO':<3} {line}", flush=True)
            is_working = is_working and is_ok
    print("all is well" if is_working else "something is wrong: see the lines that begin with NO")
    return 0 if is_working else 1


def _versions() -> Iterator[tuple[bool, str]]:
    from vidstyle.pipeline.report import versions

    for name, version in versions().items():
        yield True, f"{name} {version}"
    import av

    yield True, f"FFmpeg {av.ffmpeg_version_info}"


def _devices() -> Iterator[tuple[bool, str]]:
    import torch

    from vidstyle.device import choose_device, choose_precision

    for name in ("cpu", "cuda", "mps"):
        try:
            device = choose_device(name)
        except VidstyleError as error:
            yield True, f"no {name}: {error}"
            continue
        precision = str(choose_precision("auto", device)).removeprefix("torch.")
        title = f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""
        yield True, f"{device}{title}, computes in {precision}"
    yield True, f"--device auto takes {choose_device('auto')}"


def _runtimes() -> Iterator[tuple[bool, str]]:
    from importlib import metadata

    from vidstyle.device import choose_device
    from vidstyle.registry import RUNTIMES
    from vidstyle.runtimes.choice import automatic, missing

    device = choose_device("auto")
    for name in RUNTIMES.bundled:
        runtime = RUNTIMES.load(name)()
        info = runtime.info
        lacking = [library_of(module) for module in missing(name)]
        if lacking:
            libraries = " and ".join(library for library, _ in lacking)
            yield True, f"no {name}: {libraries} not installed; pip install 'vidstyle[{lacking[0][1]}]'"
            continue
        try:
            runtime.check(device)
        except VidstyleError as error:
            yield True, f"no {name}: {error}"
        else:
            library = library_of(info.modules[0])[0] if info.modules else name
            try:
                version = metadata.version(library)
            except metadata.PackageNotFoundError:  # from another distribution, such as onnxruntime-gpu
                version = "of an unknown version"
            yield True, f"{name}: {info.title} {version}"
    name, why = automatic(device)
    yield True, f"--runtime auto takes {name}: {why}"


def _threads() -> Iterator[tuple[bool, str]]:
    import cv2
    import torch

    yield (
        True,
        f"{os.cpu_count()} cores; torch uses {torch.get_num_threads()} threads, OpenCV {cv2.getNumThreads()}",
    )


def _codecs() -> Iterator[tuple[bool, str]]:
    from vidstyle.options.file_records import HARDWARE_DECODERS
    from vidstyle.video.reading.opening import hardware_problem
    from vidstyle.video.writing.codecs import CODECS, DEFAULT_CODEC, opens
    from vidstyle.video.writing.encoder_settings import HARDWARE

    for name, codec in CODECS.items():
        encoders = [*codec.encoders, *(f"{name}_{maker}" for maker in HARDWARE)]
        working = [encoder for encoder in encoders if opens(encoder)]
        text = ", ".join(working) if working else f"no encoder opens here (tried {', '.join(codec.encoders)})"
        yield bool(working) or name != DEFAULT_CODEC, f"{name}: {text}"
    opened = [name for name in HARDWARE_DECODERS if hardware_problem(name) is None]
    yield True, f"--hwaccel can be {', '.join(opened)}" if opened else "no --hwaccel opens here"


def _weights() -> Iterator[tuple[bool, str]]:
    from vidstyle import weights

    for record in weights.BUNDLED:
        try:
            path = weights.find(record)
        except VidstyleError as error:
            yield False, str(error)
        else:
            yield True, f"{record.file} at {path}, checksum as expected ({record.licence})"


def _networks() -> Iterator[tuple[bool, str]]:
    from vidstyle import weights
    from vidstyle.metrics.network_files import CLIP_MODEL, FILES, clip_folder

    for file in FILES:
        what = f"{file.network} for {', '.join(file.metrics)}"
        expected = f"SHA-256 {file.checksum}…" if file.checksum else "no SHA-256 is published"
        if not file.path.is_file():
            yield True, f"no {what}: fetch {file.url} to {file.path} ({expected})"
            continue
        actual = weights.sha256(file.path)
        if file.checksum is None or actual.startswith(file.checksum):
            yield True, f"{what} at {file.path}, SHA-256 {actual[:8]}… ({expected})"
        else:
            yield (
                False,
                f"{what} at {file.path} has SHA-256 {actual[:8]}…, not {file.checksum}…; fetch {file.url}",
            )
    if clip_folder().is_dir():
        yield True, f"CLIP for clip_consistency at {clip_folder()}"
    else:
        yield (
            True,
            f"no CLIP for clip_consistency: hf download {CLIP_MODEL}, which puts it at {clip_folder()}",
        )


_CHECKS = {
    "versions": _versions,
    "torch": torch_checks,
    "devices": _devices,
    "runtimes": _runtimes,
    "threads": _threads,
    "codecs": _codecs,
    "weights": _weights,
    "networks of metrics (none is needed to paint)": _networks,
}
