"""Long films: runs that are killed at random, and what segments cost against a run in one piece.

Each run is a process of its own; films are made from a clip, with sound, by repeating it in other colours.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vidstyle.video.reading.reader import Reader

ROOT = Path(__file__).resolve().parent.parent
_SOUND_RATE = 48_000  # Hz


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench_segments.py", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("kills", "overhead", "workers", "equal"))
    parser.add_argument("--clip", type=Path, default=ROOT / "samples" / "bunny.mp4", help="what is repeated")
    parser.add_argument("--width", type=int, default=160, help="of the film, px")
    parser.add_argument("--rate", type=Fraction, default=Fraction(4), help="frames a second of the film")
    parser.add_argument("--seconds", type=int, default=180, help="length of the film")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument(
        "--runs", type=int, default=3, help="of each kind, of which the one with the least CPU time counts"
    )
    parser.add_argument("--engine", default="stylenet")
    parser.add_argument("--segments", default="20", help="seconds of a segment at most")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--codec", default="h264")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-segments-") as name:
        folder = Path(name)
        suffix = ".mkv" if given.codec == "ffv1" else ".mp4"
        bench = Bench(given, folder, write_film(folder / "film.mp4", given), suffix)
        measure = {
            "kills": bench.kills,
            "overhead": bench.overhead,
            "workers": bench.workers,
            "equal": bench.equal,
        }
        return 0 if measure[given.what]() else 1


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended."""

    code: int
    seconds: float
    cpu: float
    """Seconds of all cores together, which other load on the machine hardly changes."""
    peak: int
    """Bytes of memory that its process held at most."""


class Bench:
    """Runs of one film."""

    def __init__(self, given: argparse.Namespace, folder: Path, film: Path, suffix: str) -> None:
        self._given, self._folder, self._film, self._suffix = given, folder, film, suffix

    def kills(self) -> bool:
        """Kill runs with SIGKILL at random moments, and go on until films are whole: equal bytes?"""
        whole = self._target("unbroken")
        unbroken = self._ran(whole, "--segments", self._given.segments)
        expected = _hash(whole)
        print(
            f"unbroken: {unbroken.seconds:.1f} s, {whole.stat().st_size} bytes, {expected[:12]}", flush=True
        )
        moments = random.Random(self._given.seed)
        killed, films, equal = 0, 0, 0
        while killed < self._given.kills:
            target = self._target(f"film{films}")
            history = []
            while not target.exists():
                after = moments.uniform(0.0, 1.1 * unbroken.seconds)
                if killed >= self._given.kills:
                    after = 10 * unbroken.seconds + 600
                was_killed, state = self._killed(target, after)
                killed += was_killed
                history.append(f"{after:.1f} s ({state})" if was_killed else "whole")
            films += 1
            equal += _hash(target) == expected
            same = "equal" if _hash(target) == expected else "ANOTHER FILM"
            left = [path.name for path in self._folder.iterdir() if path.name.startswith(f".{target.name}")]
            print(f"film {films}: killed after {', '.join(history)}: {same} {left or ''}", flush=True)
        print(f"{killed} kills, {films} films, {equal} of them equal to the unbroken one")
        return equal == films

    def overhead(self) -> bool:
        """Compare a run in segments with one in one piece: time, memory and size."""
        kinds = {"one piece": ("--segments", "off"), "segments": ("--segments", self._given.segments)}
        best: dict[str, Ran] = {}
        sizes = {}
        for turn in range(self._given.runs):  # in turn: other load on the machine meets both
            for name, words in kinds.items():
                target = self._target(f"{name.replace(' ', '-')}{turn}")
                ran = self._ran(target, *words)
                told = f"{ran.seconds:.2f} s, {ran.cpu:.2f} s of cores, {ran.peak / 1e6:.0f} MB"
                print(f"{name}: {told}", flush=True)
                best[name] = min(best.get(name, ran), ran, key=lambda each: each.cpu)
                sizes[name] = target.stat().st_size
        one, several = best["one piece"], best["segments"]
        print("| | one piece | segments | |", "|---|---|---|---|", sep="\n")
        print(f"| s | {one.seconds:.2f} | {several.seconds:.2f} | {several.seconds / one.seconds - 1:+.1%} |")
        print(f"| s of cores | {one.cpu:.2f} | {several.cpu:.2f} | {several.cpu / one.cpu - 1:+.1%} |")
        print(f"| MB of memory | {one.peak / 1e6:.0f} | {several.peak / 1e6:.0f} | |")
        share = sizes["segments"] / sizes["one piece"] - 1
        print(f"| bytes | {sizes['one piece']} | {sizes['segments']} | {share:+.2%} |")
        return several.cpu < 1.03 * one.cpu and share < 0.02

    def workers(self) -> bool:
        """The time of the same film with several numbers of workers, and whether all give the same bytes."""
        hashes = set()
        times: dict[int, float] = {}
        for turn in range(self._given.runs):
            for count in self._given.workers:
                target = self._target(f"workers{count}-{turn}")
                ran = self._ran(target, "--segments", self._given.segments, "--workers", str(count))
                times[count] = min(times.get(count, ran.seconds), ran.seconds)
                hashes.add(_hash(target))
                print(f"{count} workers: {ran.seconds:.1f} s", flush=True)
        first = times[self._given.workers[0]]
        for count, seconds in times.items():
            print(f"{count} workers: {seconds:.1f} s, {first / seconds:.2f} times as fast")
        print("all films have the same bytes" if len(hashes) == 1 else "FILMS DIFFER")
        return len(hashes) == 1

    def equal(self) -> bool:
        """Play both films frame by frame: times, pixels (or their PSNR), and the packets of sound."""
        one, several = self._target("one"), self._target("several")
        self._ran(one, "--segments", "off")
        self._ran(several, "--segments", self._given.segments)
        worst, squared, count, same, times = float("inf"), 0.0, 0, 0, True
        with Reader(one) as first, Reader(several) as second:
            for left, right in zip(first, second, strict=True):
                times = times and (left.time, left.duration) == (right.time, right.duration)
                error = float(((left.pixels.astype(np.float32) - right.pixels) ** 2).mean())
                same += error == 0
                squared, count = squared + error, count + 1
                worst = min(worst, _decibels(error))
        sound = _sound(one) == _sound(several)
        print(f"{count} frames, times {'equal' if times else 'DIFFER'}, {same} of them equal pixel by pixel")
        print(f"PSNR against the run in one piece: {_decibels(squared / count):.1f} dB, least {worst:.1f} dB")
        print(f"sound packets: {'equal' if sound else 'DIFFER'} ({len(_sound(one))})")
        share = several.stat().st_size / one.stat().st_size - 1
        print(f"size: {one.stat().st_size} and {several.stat().st_size} bytes ({share:+.2%})")
        return times and sound and abs(share) < 0.02

    def _target(self, name: str) -> Path:
        return self._folder / f"{name}{self._suffix}"

    def _words(self, target: Path, words: Sequence[str]) -> list[str]:
        own = ["--engine", self._given.engine, "--codec", self._given.codec, "--device", "cpu", "-q"]
        fixed = [sys.executable, "-m", "vidstyle", "run", str(self._film), "--style", "waves"]
        return [*fixed, "-o", str(target), *own, *words]

    def _ran(self, target: Path, *words: str) -> Ran:
        begun = time.monotonic()
        process = subprocess.Popen(self._words(target, words))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        ran = Ran(
            process.returncode,
            time.monotonic() - begun,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * 1024,
        )
        if ran.code:
            raise SystemExit(f"a run failed with exit code {ran.code}")
        return ran

    def _killed(self, target: Path, after: float) -> tuple[bool, str]:
        """Start or go on with a run, and kill it after so many seconds; whether it was killed, and where."""
        with subprocess.Popen(self._words(target, ("--segments", self._given.segments))) as process:
            try:
                code = process.wait(after)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                return True, self._state(target)
        if code:
            raise SystemExit(f"a run failed with exit code {code}")
        return False, ""

    def _state(self, target: Path) -> str:
        """How far a killed run was."""
        work = target.with_name(f".{target.name}.vidstyle")
        try:
            content = json.loads((work / "manifest.json").read_bytes())["content"]
        except OSError:
            return "no plan yet" if work.is_dir() else "not begun"
        done, count = len(content["done"]), len(content["plan"]["segments"])
        part = "joining" if done == count else f"{done} of {count}"
        return part


def write_film(path: Path, given: argparse.Namespace) -> Path:
    """The frames of a clip repeated, each time with other colours, mirrored or not, with a tone."""
    with Reader(given.clip) as reader:
        height = round(given.width * reader.info.height / reader.info.width / 2) * 2
        size = (given.width, height)
        small = [cv2.resize(frame.pixels, size, interpolation=cv2.INTER_AREA) for frame in reader]
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=given.rate, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height = size
        sound: Any = out.add_stream("aac", rate=_SOUND_RATE)
        count = int(given.seconds * given.rate)
        for number in range(count):
            turn, place = divmod(number, len(small))
            picture = np.roll(small[place], turn, axis=2)[:, :: -1 if turn % 2 else 1]
            samples = np.ascontiguousarray(picture, np.uint8)
            frame = av.VideoFrame.from_ndarray(samples, format="rgb24")
            frame.pts, frame.time_base = number, 1 / given.rate
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        moments = np.arange(given.seconds * _SOUND_RATE) / _SOUND_RATE
        tone = (0.2 * np.sin(2 * np.pi * (220 + 20 * np.sin(moments)) * moments)).astype(np.float32)
        heard = av.AudioFrame.from_ndarray(np.stack([tone]), format="fltp", layout="mono")
        heard.sample_rate = _SOUND_RATE
        out.mux(sound.encode(heard))
        out.mux(sound.encode(None))
    return path


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _decibels(squared_error: float) -> float:
    return float(10 * np.log10(255**2 / squared_error)) if squared_error else float("inf")


def _sound(path: Path) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as file:
        packets = file.demux(file.streams.audio[0])
        return [(packet.pts, bytes(packet)) for packet in packets if packet.size]


if __name__ == "__main__":
    sys.exit(main())
