"""The record of a painted segment beside its file: a job that finds its own has nothing to do."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from vidstyle.atomic_write import write_atomically
from vidstyle.segments.hashes import text_hash
from vidstyle.segments.segment_job import Job, SegmentResult, progress_path

_BLOCK = 1 << 20  # bytes


def save_result(job: Job, result: SegmentResult) -> None:
    """Write ``result`` beside the segment's file; raises ``OSError``."""
    content = result.to_json()
    data = json.dumps({"content": content, "sha256": text_hash(content)}).encode()
    write_atomically(job.result_path, data, is_synced=True)


def load_result(job: Job) -> SegmentResult | None:
    """The result of ``job`` if the segment is painted, and all of it is as it was written; else None."""
    try:
        data = json.loads(job.result_path.read_bytes())
        if data["sha256"] != text_hash(data["content"]):
            return None
        result = SegmentResult.from_json(data["content"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_its_own = result.key == job.key and is_as_written(job.path, result.sha256)
    has_state = not job.saves_state or is_as_written(job.state_path, result.state_sha256)
    return result if is_its_own and has_state else None


def is_as_written(path: Path, sha256: str | None) -> bool:
    """Whether a file or folder has this hash."""
    try:
        return sha256_of(path) == sha256
    except OSError:
        return False


def sha256_of(path: Path) -> str:
    """The hash of a file, or of all files of a folder, in order of their names."""
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        with file.open("rb") as opened:
            while block := opened.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def noted_frames(folder: Path, number: int) -> int | None:
    """Frames that a worker has noted of the segment ``number`` while it paints; None: there is no note."""
    try:
        return int(progress_path(folder, number).read_text(encoding="ascii") or 0)
    except (OSError, ValueError):
        return None
