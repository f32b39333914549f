"""The run folder: the sums of each finished task in a file of their own, from which a run goes on."""

import hashlib
import io
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import DataError
from variogeo._engine._class_sums import ClassSums
from variogeo._engine._histogram import TermHistogram
from variogeo._engine._job import Job, Task
from variogeo._engine._marks import Marks
from variogeo._engine._sums import LagSums
from variogeo._rows import row_blocks
from variogeo._storage import read_document, write_bytes, write_document

SUMS_VERSION = 4
"""To be raised with every change after which a task may have other sums, be it in the last bit."""

_DOCUMENT = "run.json"
_LOCK = "run.lock"
_SEAL_LENGTH = 64
_LEFT_OVER = re.compile(r"\.(run\.json|pairs-\d+-\d+\.npz|probe)\..+")
"""Names of temporary files, which a run leaves behind only when it is killed."""


class Journal:
    """The finished tasks of one job, in a folder that nobody else writes to.

    Parameters
    ----------
    folder : Path
    tasks : list of (int, int)
    fingerprint : str
        See `fingerprint_of`.
    """

    def __init__(self, folder: Path, tasks: list[Task], fingerprint: str) -> None:
        self._folder, self._tasks, self._fingerprint = folder, tasks, fingerprint
        self._count = 0

    def finished(self) -> Iterator[tuple[Task, LagSums]]:
        """Yield the tasks whose file is there and undamaged; the others are done again."""
        for task in self._tasks:
            sums = self._read(task)
            if sums is not None:
                self._count += 1
                yield task, sums

    def keep(self, task: Task, sums: LagSums) -> None:
        """Write the sums of a task; whole or not at all."""
        try:
            write_bytes(self._file(task), self._sealed(task, _encoded(sums)), overwrite=True)
        except OSError as error:
            msg = f"{self._folder} cannot be written: {error.strerror}. {self.state()}"
            raise OSError(error.errno, msg) from error
        self._count += 1

    def state(self) -> str:
        """Return how far the run is and how to go on, in words."""
        return (
            f"{self._count} of {len(self._tasks)} tasks are safe in {self._folder}: "
            f"the same call with resume={str(self._folder)!r} goes on from there."
        )

    def _file(self, task: Task) -> Path:
        return self._folder / f"pairs-{task[0]}-{task[1]}.npz"

    def _read(self, task: Task) -> LagSums | None:
        """Return the sums of a task, or None where they are missing or damaged."""
        try:
            raw = self._file(task).read_bytes()
        except FileNotFoundError:
            return None
        # Nothing of a file is looked at before its checksum has shown that it is what this job wrote for this task.
        return _decoded(raw) if raw == self._sealed(task, raw[:-_SEAL_LENGTH]) else None

    def _sealed(self, task: Task, raw: bytes) -> bytes:
        """Return the bytes of a zip file with the checksum as its comment, in the place kept for it."""
        return raw + hashlib.sha256(f"{self._fingerprint} {task}".encode() + raw).hexdigest().encode()


@contextmanager
def open_journal(folder: Any, job: Job) -> Iterator[Journal]:
    """Open or begin the run folder of a job, and hold its lock.

    Raises
    ------
    DataError
        For the folder of another job, or a damaged one.
    FileExistsError
        For a folder with other content.
    RuntimeError
        When another run holds the folder.
    OSError
        When nothing can be written to it.
    """
    path = _checked(folder)
    with _locked(path):
        for file in path.iterdir():
            if _LEFT_OVER.fullmatch(file.name):
                file.unlink()
        tasks = job.tasks()
        fingerprint = fingerprint_of(job)
        _begin(path, {"fingerprint": fingerprint, "sums": SUMS_VERSION, "tasks": len(tasks)})
        yield Journal(path, tasks, fingerprint)


def fingerprint_of(job: Job) -> str:
    """Return a checksum over all that decides the sums of a job; the values are read block by block."""
    values = job.terms.values
    digest = hashlib.sha256()
    settings = (SUMS_VERSION, job.points.metric, job.terms.dissimilarity, job.spread, values.dtype.str, values.shape)
    digest.update(repr(settings).encode())
    for array in (
        job.bins.edges,
        np.array(job.tasks(), dtype=np.int64),
        job.points.lonlat,
        job.blocks.starts,
        job.blocks.order,
        *(getattr(job.marks, field.name) for field in fields(Marks)),
    ):
        digest.update(repr(array.shape).encode() + array.tobytes())
    for _, block in row_blocks(values):
        digest.update(block.tobytes())
    return digest.hexdigest()


def _checked(folder: Any) -> Path:
    """Return the path of a folder that is empty or holds a run; it is made where it is missing."""
    if not isinstance(folder, (str, os.PathLike)):
        msg = f"Invalid resume of type {type(folder).__name__}. Must be the path of a folder."
        raise TypeError(msg)
    path = Path(folder)
    if path.exists() and not path.is_dir():
        msg = f"{path} is a file. resume= must name a folder: a new one, an empty one or that of an earlier run."
        raise NotADirectoryError(msg)
    if not path.parent.is_dir():
        msg = f"{path.parent} is not a folder. Make it first."
        raise FileNotFoundError(msg)
    if path.exists() and not (path / _DOCUMENT).exists():
        foreign = [file.name for file in path.iterdir() if file.name != _LOCK and not _LEFT_OVER.fullmatch(file.name)]
        if foreign:
            msg = (
                f"{path} exists and is not the folder of a run: it holds {min(foreign)!r}. "
                "Name a new folder, an empty one or that of an earlier run."
            )
            raise FileExistsError(msg)
    return path


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Make the folder, lock it, and write one byte there: what cannot be kept is not worth beginning."""
    from filelock import FileLock, Timeout

    lock = FileLock(path / _LOCK)
    try:
        path.mkdir(exist_ok=True)
        lock.acquire(timeout=0)
        with tempfile.NamedTemporaryFile(prefix=".probe.", dir=path) as stream:
            stream.write(b"0")
            stream.flush()
            os.fsync(stream.fileno())
    except Timeout:
        msg = f"{path} is in use by another run. Wait for it to end, or choose another folder."
        raise RuntimeError(msg) from None
    except OSError as error:
        lock.release()
        msg = f"{path} cannot be written: {error.strerror}. Nothing was begun; make room or choose another folder."
        raise OSError(error.errno, msg) from error
    try:
        yield
    finally:
        lock.release()


def _begin(path: Path, content: dict[str, Any]) -> None:
    """Write what the folder is for, or compare."""
    file = path / _DOCUMENT
    if not file.exists():
        write_document(file, "run", content, overwrite=False)
        return
    kind, found, _ = read_document(file)
    if kind == "run" and found == content:
        return
    cause = "other points, values, bins or options"
    if kind != "run" or set(found) != set(content):
        cause = "something else"
    elif found["sums"] != SUMS_VERSION:
        cause = "another version of variogeo"
    msg = f"{path} is the folder of a run with {cause}. Name another folder, or remove it to begin anew."
    raise DataError(msg)


def _encoded(sums: LagSums) -> bytes:
    """Return sums as the bytes of an npz file whose comment is still to be appended."""
    inner = ("histogram", "classes")
    arrays = {field.name: getattr(sums, field.name) for field in fields(LagSums) if field.name not in inner}
    for name in inner:
        value = getattr(sums, name)
        arrays |= {f"{name}_{field.name}": getattr(value, field.name) for field in fields(value)}
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.comment = bytes(_SEAL_LENGTH)
    return stream.getvalue()[:-_SEAL_LENGTH]


def _decoded(raw: bytes) -> LagSums:
    """Return the sums of the bytes of an npz file."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
        arrays: dict[str, NDArray[Any]] = dict(archive)
    histogram = TermHistogram(*(arrays.pop(f"histogram_{field.name}") for field in fields(TermHistogram)))  # type: ignore[arg-type]
    classes = ClassSums(*(arrays.pop(f"classes_{field.name}") for field in fields(ClassSums)))
    return LagSums(**arrays, histogram=histogram, classes=classes)  # type: ignore[arg-type]
