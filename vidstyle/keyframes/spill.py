"""Arrays that wait in a temporary file, so that memory does not grow with the length of a clip."""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import cast

import numpy as np

from vidstyle.errors import OutputError
from vidstyle.flow.base import Array

_IN_MEMORY = 42 << 20  # bytes that stay in memory: the file is only made for longer stretches


class Spill:
    """Rows of arrays, appended in order and read back by number; a context."""

    def __init__(self, in_memory: int = _IN_MEMORY) -> None:
        """``in_memory``: bytes from which a file is used, in the system's folder for temporary files."""
        self._file = tempfile.SpooledTemporaryFile(max_size=in_memory)  # noqa: SIM115  # closed with self
        self._rows: list[list[tuple[int, tuple[int, ...], str]]] = []

    def __enter__(self) -> Spill:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, *arrays: Array) -> None:
        """Store one row; raises ``OutputError`` if the file cannot be written."""
        row = []
        try:
            self._file.seek(0, 2)
            for array in arrays:
                row.append((self._file.tell(), array.shape, array.dtype.str))
                self._file.write(np.ascontiguousarray(array).tobytes())
        except OSError as error:
            raise OutputError(
                f"frames that wait for a keyframe cannot be written to {tempfile.gettempdir()}: "
                f"{error.strerror or error}; TMPDIR names another folder"
            ) from error
        self._rows.append(row)

    def __getitem__(self, number: int) -> tuple[Array, ...]:
        """The arrays of a row."""
        arrays = []
        for place, shape, kind in self._rows[number]:
            self._file.seek(place)
            dtype = np.dtype(kind)
            data = self._file.read(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
            arrays.append(cast(Array, np.frombuffer(data, dtype).reshape(shape)))
        return tuple(arrays)
