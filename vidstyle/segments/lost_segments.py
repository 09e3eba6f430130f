"""Which segments of an earlier run are to be painted again."""

from __future__ import annotations

import logging
from pathlib import Path

from vidstyle.segments.manifest import Manifest
from vidstyle.segments.segment_job import segment_path, state_path
from vidstyle.segments.segment_record import is_as_written

log = logging.getLogger(__name__)


def without_what_is_lost(manifest: Manifest, folder: Path) -> Manifest:
    """``manifest`` with the segments to be painted again whose files are not as they were written.

    Where one of them goes on from a state that is not there either, the segment before is among them.
    """
    done, plan = manifest.done, manifest.plan
    lost = {
        number
        for number, result in done.items()
        if not is_as_written(segment_path(folder, number), result.sha256)
    }
    for number in sorted(lost):
        log.warning("segment %d is damaged: it is painted again", number + 1)
    for number in reversed(range(1, len(plan.segments))):
        is_missing = number in lost or number not in done
        if is_missing and not plan.segments[number].begins_shot and number - 1 in done:
            state = done[number - 1].state_sha256
            if not is_as_written(state_path(folder, number - 1), state):
                lost.add(number - 1)
    return manifest.without(lost)
