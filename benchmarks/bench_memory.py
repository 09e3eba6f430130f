"""Peak memory of complete runs, each in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench_clips import enlarged, looped

# The mark of the run's own memory where it can be had: ru_maxrss counts the parent's at the fork, too.
_CHILD = """
import json, resource, sys, time
from pathlib import Path
from vidstyle.cli.main import main
begun = time.monotonic()
code = main(sys.argv[1:])
status = Path("/proc/self/status")
if status.exists():
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    peak = int(fields["VmHWM"].split()[0]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1024
print("BENCH" + json.dumps({"code": code, "peak": peak, "seconds": time.monotonic() - begun}))
"""


@dataclass(frozen=True, slots=True)
class Peak:
    """A run and the most memory that it held, bytes."""

    name: str
    bytes: int
    seconds: float


def run(clip: Path, style: str, folder: Path, *, long: int = 2000, short: int = 200, large: int = 16) -> bool:
    """Print peak memory over length and size; true if all limits are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = {
        f"640x360, {short} frames": looped(clip, folder / "short.mp4", short),
        f"640x360, {long} frames": looped(clip, folder / "long.mp4", long),
        f"3840x2160, {large} frames": enlarged(
            clip, folder / "large.mp4", width=3840, height=2160, frames=large
        ),
    }
    peaks = []
    for name, path in clips.items():
        peaks.append(measured(name, path, style, folder / "result.mp4"))
        print(f"{name}: {peaks[-1].bytes / 1e6:.0f} MB in {peaks[-1].seconds:.0f} s", flush=True)
    short_run, long_run, large_run = peaks
    growth = long_run.bytes / short_run.bytes
    lines = [
        "| run | peak MB | wanted | |",
        "|---|---|---|---|",
        f"| {short_run.name} | {short_run.bytes / 1e6:.0f} | under 1200 | {_word(short_run.bytes < 1.2e9)} |",
        f"| {long_run.name} | {long_run.bytes / 1e6:.0f} ({growth:.3f} of the short run) "
        f"| at most 1.03 of it | {_word(growth <= 1.03)} |",
        f"| {large_run.name} | {large_run.bytes / 1e6:.0f} | under 4000 | {_word(large_run.bytes < 4e9)} |",
    ]
    text = "\n".join(lines) + "\n"
    (folder / "memory.md").write_text(text)
    print("\n" + text)
    return short_run.bytes < 1.2e9 and growth <= 1.03 and large_run.bytes < 4e9


def measured(name: str, clip: Path, style: str, result: Path) -> Peak:
    """Run ``vidstyle run`` on ``clip`` with default options in a process of its own."""
    arguments = ["run", str(clip), "--style", style, "--output", str(result), "--overwrite", "--quiet"]
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    lines = [line for line in child.stdout.splitlines() if line.startswith("BENCH")]
    if child.returncode or not lines:
        raise SystemExit(f"bench: the run of {name} failed with exit code {child.returncode}")
    measurement = json.loads(lines[0].removeprefix("BENCH"))
    if measurement["code"]:
        raise SystemExit(f"bench: the run of {name} failed with exit code {measurement['code']}")
    return Peak(name, measurement["peak"], measurement["seconds"])


def _word(is_kept: bool) -> str:
    return "kept" if is_kept else "MISSED"
