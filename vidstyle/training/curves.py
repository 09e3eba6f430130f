"""The curves of a run: a CSV file and TensorBoard's log, both continued after a resume."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from vidstyle.errors import OutputError
from vidstyle.optional_imports import require


# Fabric's CSVLogger deletes existing rows when a run resumes, and sorts the step in among the losses.
class Curves:
    """Writes values by step into ``log.csv`` and ``tensorboard/`` of a run.

    ``begun`` is the step of the checkpoint from which the run resumes: later rows are deleted. Raises
    ``OutputError``.
    """

    def __init__(self, run: Path, columns: tuple[str, ...], *, begun: int) -> None:
        self._path = run / "log.csv"
        self._columns = ("step", *columns)
        writer = require("torch.utils.tensorboard", "training").SummaryWriter
        try:
            rows = self._rows_before(begun)
            with self._path.open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file)
                table.writerow(self._columns)
                table.writerows(rows)
            self._board = writer(str(run / "tensorboard"), purge_step=begun + 1)
        except OSError as error:
            raise OutputError(f"cannot write the log {self._path}: {error.strerror or error}") from error

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Append a row; columns without a value stay empty."""
        try:
            with self._path.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerow([step, *(values.get(name, "") for name in self._columns[1:])])
            for name, value in values.items():
                self._board.add_scalar(name, value, step)
        except OSError as error:
            raise OutputError(f"cannot write the log {self._path}: {error.strerror or error}") from error

    def close(self) -> None:
        with suppress(OSError):  # ``add`` has already reported a full disk
            self._board.close()

    def _rows_before(self, begun: int) -> list[list[str]]:
        """Rows up to step ``begun``, in the current order of columns."""
        if not self._path.is_file() or not begun:
            return []
        with self._path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if (row.get("step") or "").isdigit()]
        return [[row.get(name) or "" for name in self._columns] for row in rows if int(row["step"]) <= begun]


def read(run: Path) -> list[dict[str, float]]:
    """The rows of a run's ``log.csv``, as numbers."""
    with (run / "log.csv").open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
