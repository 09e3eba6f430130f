"""Makes clips for the benchmarks: long ones by looping, large ones by enlarging."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np


def looped(source: Path, target: Path, frames: int) -> Path:
    """``source`` again and again until it has ``frames`` frames; packets are copied, nothing is encoded."""
    with av.open(target, "w") as output:
        copy = None
        written, offset = 0, 0
        while written < frames:
            with av.open(source) as clip:
                stream = clip.streams.video[0]
                if copy is None:
                    copy = output.add_stream_from_template(stream)
                end = 0
                for packet in clip.demux(stream):
                    if packet.dts is None or packet.pts is None or written == frames:
                        continue
                    end = max(end, packet.pts + (packet.duration or 1))
                    packet.pts += offset
                    packet.dts += offset
                    packet.stream = copy
                    output.mux(packet)
                    written += 1
                offset += end
    return target


def enlarged(source: Path, target: Path, *, width: int, height: int, frames: int) -> Path:
    """The first ``frames`` frames of ``source`` at another size."""
    with av.open(source) as clip, av.open(target, "w") as output:
        stream = clip.streams.video[0]
        copy = output.add_stream("libx264", rate=stream.average_rate or 25)
        copy.width, copy.height, copy.pix_fmt = width, height, "yuv420p"
        copy.options = {"preset": "ultrafast", "crf": "18"}
        for index, frame in enumerate(clip.decode(stream)):
            if index == frames:
                break
            pixels = cv2.resize(
                frame.to_ndarray(format="rgb24"), (width, height), interpolation=cv2.INTER_CUBIC
            )
            large = av.VideoFrame.from_ndarray(np.asarray(pixels, np.uint8), format="rgb24")
            output.mux(copy.encode(large.reformat(format="yuv420p")))
        output.mux(copy.encode(None))
    return target
