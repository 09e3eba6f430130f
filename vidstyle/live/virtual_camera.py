"""A virtual camera, which other programs (meetings, OBS) offer as a camera."""

from __future__ import annotations

import cv2
import numpy as np

from vidstyle.errors import OutputError
from vidstyle.frames import Pixels
from vidstyle.optional_imports import require


class VirtualCamera:
    """Sends painted frames to the virtual camera of the system; a context.

    Raises ``OptionError`` without the library, ``OutputError`` if the system has no virtual camera.
    """

    def __init__(self, width: int, height: int, rate: float) -> None:
        """``width`` and ``height`` in px, ``rate`` in frames a second."""
        self._size = width, height
        library = require("pyvirtualcam", "--virtual-camera")
        try:
            self._camera = library.Camera(width, height, rate, fmt=library.PixelFormat.RGB)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise OutputError(
                f"there is no virtual camera ({reason}); on Linux load v4l2loopback, on Windows and macOS "
                "install OBS"
            ) from error
        self.name = str(self._camera.device)

    def __enter__(self) -> VirtualCamera:
        return self

    def __exit__(self, *error: object) -> None:
        self._camera.close()

    def send(self, pixels: Pixels) -> None:
        """Show ``pixels`` (H, W, 3) uint8 RGB; others than the camera's size are resized."""
        if pixels.shape[1::-1] != self._size:
            pixels = np.asarray(cv2.resize(pixels, self._size, interpolation=cv2.INTER_CUBIC), np.uint8)
        self._camera.send(pixels)
