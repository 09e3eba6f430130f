"""Paints what a camera sees, frame by frame, with OpenCV: each result comes before the next frame is read."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice

import cv2
import numpy as np

import vidstyle
from vidstyle import Pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("camera", help="a number (0 is the first camera), a file or an address")
    parser.add_argument("result", help="the video to write, name.mp4")
    parser.add_argument("--style", default="waves", help="a picture, or a bundled style")
    parser.add_argument("--frames", type=int, default=250, help="stop after so many frames")
    arguments = parser.parse_args()

    camera = cv2.VideoCapture(int(arguments.camera) if arguments.camera.isdecimal() else arguments.camera)
    if not camera.isOpened():
        raise SystemExit(f"camera.py: {arguments.camera} cannot be opened")
    rate = camera.get(cv2.CAP_PROP_FPS) or 25
    size = (int(camera.get(cv2.CAP_PROP_FRAME_WIDTH)), int(camera.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    result = cv2.VideoWriter(arguments.result, cv2.VideoWriter.fourcc(*"mp4v"), rate, size)

    frames = islice(frames_of(camera), arguments.frames)
    for painted in vidstyle.stylize_frames(frames, style=arguments.style, rate=rate):
        result.write(cv2.cvtColor(painted, cv2.COLOR_RGB2BGR))
    result.release()
    camera.release()


def frames_of(camera: cv2.VideoCapture) -> Iterator[Pixels]:
    """The frames of an open camera as vidstyle takes them: (H, W, 3) uint8 RGB, where OpenCV has BGR."""
    while True:
        is_read, frame = camera.read()
        if not is_read:
            return
        yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)


if __name__ == "__main__":
    main()
