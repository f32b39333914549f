"""The run folder: what was finished is kept, and nothing else is trusted."""

import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from jobs import added_in_order, plain_job, times_done

from variogeo import LagBins
from variogeo._checks import DataError
from variogeo._engine.running import _journal
from variogeo._engine.running._executors import Threads
from variogeo._engine.running._journal import fingerprint_of, open_journal
from variogeo._engine.running._run import run
from variogeo._storage import write_document


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run-folder"


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "trace"
    path.mkdir()
    return path


def names(folder):
    """Return the names of all files of a folder."""
    return {file.name for file in folder.iterdir()}


def complete(job):
    """Return the names of all files of the folder of a finished run."""
    return {"run.json", "run.lock", *(f"pairs-{i}-{j}.npz" for i, j in job.tasks())}


def interrupted(folder, trace, **changes):
    """Leave a folder in which tasks up to a broken one are kept, and return the whole job."""
    job = plain_job(4, trace=str(trace), broken=(1, 2), **changes)
    with pytest.raises(RuntimeError, match="could not be summed"):
        run(job, executor=Threads(1), resume=folder)
    return dataclasses.replace(job, broken=None)


# Going on


@pytest.mark.parametrize("spread", [True, False])
def test_a_run_with_a_folder_has_the_same_bits_and_the_next_call_does_nothing(folder, trace, spread):
    job = plain_job(4, trace=str(trace), spread=spread)
    expected = added_in_order(dataclasses.replace(job, trace=None))
    assert run(job, resume=folder) == expected
    assert names(folder) == complete(job)
    assert times_done(trace) == 10
    assert run(job, resume=str(folder)) == expected
    assert times_done(trace) == 10


def test_a_failed_run_goes_on_where_it_was(folder, trace):
    job = interrupted(folder, trace)
    assert times_done(trace) >= 4
    assert run(job, resume=folder) == added_in_order(dataclasses.replace(job, trace=None))
    assert times_done(trace) == 10


def test_an_error_says_how_much_is_kept_and_how_to_go_on(folder):
    job = plain_job(4, broken=(1, 2))
    with pytest.raises(RuntimeError) as caught:
        run(job, executor=Threads(1), resume=folder)
    kept = len(list(folder.glob("*.npz")))
    assert caught.value.__notes__ == [
        f"{kept} of 10 tasks are safe in {folder}: the same call with resume='{folder}' goes on from there."
    ]


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError) as caught:
        run(plain_job(3, broken=(1, 2)))
    assert not hasattr(caught.value, "__notes__")
    run(plain_job(3))
    assert not names(tmp_path)


def start(kind, folder, trace, seconds):
    """Start a run in a process of its own and return it when some tasks are kept."""
    here = Path(__file__).parent
    process = subprocess.Popen(
        [sys.executable, str(here / "drive.py"), kind, str(folder), str(trace), str(seconds)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(trace.parent)},
    )
    deadline = time.monotonic() + 30
    while len(list(folder.glob("*.npz"))) < 5:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_a_run_that_is_killed_goes_on_with_the_same_bits(kind, folder, trace):
    process = start(kind, folder, trace, 0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept, done = len(list(folder.glob("*.npz"))), times_done(trace)
    assert 5 <= kept < 36
    assert run(plain_job(trace=str(trace)), resume=folder) == added_in_order(plain_job())
    # Two were being worked on, and two may have been finished but not kept yet.
    assert times_done(trace) == done + 36 - kept <= 36 + 4
    assert names(folder) == complete(plain_job())


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_ctrl_c_ends_a_run_at_once_and_it_goes_on_later(kind, folder, trace):
    process = start(kind, folder, trace, 0.1)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, words = process.communicate(timeout=20)
    assert time.monotonic() - began < 2
    assert process.returncode == -signal.SIGINT
    kept = len(list(folder.glob("*.npz")))
    # Workers that were still starting may have said something as well.
    assert "KeyboardInterrupt" in words
    assert f"\n{kept} of 36 tasks are safe in {folder}" in words
    # Nothing temporary is left, neither here nor in the folder of temporary files.
    # An interrupt between making a temporary file and writing it leaves an empty one, which the next run removes.
    whole = {name for name in names(folder) if not name.startswith(".")}
    assert whole == {"run.json", "run.lock", *(complete(plain_job()) & whole)}
    assert names(trace.parent) == {folder.name, trace.name}
    done = times_done(trace)
    assert run(plain_job(trace=str(trace)), resume=folder) == added_in_order(plain_job())
    assert times_done(trace) == done + 36 - kept


# Disks


def full_after(files):
    """Return what stands for ``os.fsync`` on a disk that is full after some files."""
    left = iter(range(files))

    def fsync(_):
        if next(left, None) is None:
            raise OSError(28, "No space left on device")

    return fsync


def test_a_full_disk_stops_the_run_and_leaves_what_was_kept(folder, trace, monkeypatch):
    job = plain_job(4, trace=str(trace))
    monkeypatch.setattr(os, "fsync", full_after(2 + 3))  # the probe, the document and three tasks
    with pytest.raises(OSError, match="No space left on device") as caught:
        run(job, executor=Threads(1), resume=folder)
    assert caught.value.errno == 28
    assert f"3 of 10 tasks are safe in {folder}: the same call with resume=" in str(caught.value)
    assert len(names(folder)) == 2 + 3
    monkeypatch.undo()
    done = times_done(trace)
    assert run(job, resume=folder) == added_in_order(dataclasses.replace(job, trace=None))
    assert times_done(trace) == done + 7


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
def test_a_folder_that_cannot_be_written_is_an_error_before_any_work(folder, trace, error, monkeypatch):
    def refuse(_):
        raise error

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(type(error), match=r"run-folder cannot be written: .* Nothing was begun") as caught:
        run(plain_job(2, trace=str(trace)), resume=folder)
    assert caught.value.errno == error.errno
    assert not times_done(trace)
    monkeypatch.undo()
    run(plain_job(2), resume=folder)


@pytest.mark.parametrize("there", [True, False], ids=["folder", "no folder"])
def test_a_read_only_disk_is_an_error_before_any_work(there, folder, trace, monkeypatch):
    make, open_file = os.mkdir, os.open

    def refuse(path, flags=0, *rest, **named):
        if Path(path).is_relative_to(folder) and (flags & os.O_CREAT or not there):
            raise OSError(30, "Read-only file system", str(path))
        return open_file(path, flags, *rest, **named)

    if there:
        folder.mkdir()
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "mkdir", lambda path, *rest: make(path, *rest) if there else refuse(path))
    with pytest.raises(
        OSError, match=r"run-folder cannot be written: Read-only file system\. Nothing was begun"
    ) as caught:
        run(plain_job(2, trace=str(trace)), resume=folder)
    assert caught.value.errno == 30
    assert not times_done(trace)
    assert folder.exists() == there
    monkeypatch.undo()
    run(plain_job(2), resume=folder)


@pytest.mark.parametrize(
    ("error", "is_renamed"),
    [(OSError(116, "Stale file handle"), False), (FileNotFoundError(2, "No such file or directory"), True)],
    ids=["refused", "done, and the answer lost"],
)
def test_a_rename_that_fails_on_a_network_disk_loses_nothing(error, is_renamed, folder, trace, monkeypatch):
    """A server that gets a rename twice because its answer was lost says the second time that there is no such file."""
    job = plain_job(4, trace=str(trace))
    rename, renames = Path.replace, itertools.count(1)

    def fail(file, target):
        fails = next(renames) > 1 + 3  # the document and three tasks
        if is_renamed or not fails:
            rename(file, target)
        if fails:
            raise error

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match=f"cannot be written: {error.strerror}") as caught:
        run(job, executor=Threads(1), resume=folder)
    assert f"3 of 10 tasks are safe in {folder}: the same call with resume=" in str(caught.value)
    assert not [name for name in names(folder) if name.startswith(".")]
    monkeypatch.undo()
    done, kept = times_done(trace), len(list(folder.glob("*.npz")))
    assert kept == 3 + is_renamed
    assert run(job, resume=folder) == added_in_order(dataclasses.replace(job, trace=None))
    assert times_done(trace) == done + 10 - kept


def test_a_clock_that_jumps_back_matters_to_no_run(folder, trace, monkeypatch):
    """What is kept is told by its content: neither by the times of files nor by the time of day."""
    job = interrupted(folder, trace)
    kept, done = len(list(folder.glob("*.npz"))), times_done(trace)
    for k, file in enumerate(sorted(folder.iterdir())):
        os.utime(file, (0, 0) if k % 2 else (4e9, 4e9))  # 1970 and 2096
    seconds = itertools.count(1e9, -1e5)
    monkeypatch.setattr(time, "time", lambda: next(seconds))
    monkeypatch.setattr(time, "time_ns", lambda: int(next(seconds) * 1e9))
    assert run(job, resume=folder) == added_in_order(dataclasses.replace(job, trace=None))
    assert times_done(trace) == done + 10 - kept
    assert run(job, resume=folder) == added_in_order(dataclasses.replace(job, trace=None))
    assert times_done(trace) == done + 10 - kept


def test_what_a_killed_run_left_half_written_is_removed(folder, trace):
    job = interrupted(folder, trace)
    for name in (".pairs-1-2.npz.k3j", ".run.json.x_1", ".probe.abc"):
        (folder / name).write_bytes(b"half")
    (folder / "notes.txt").write_text("the user's own")
    run(job, resume=folder)
    assert names(folder) == complete(job) | {"notes.txt"}


# Whose folder


def test_two_runs_on_one_folder_are_refused(folder, trace):
    job = plain_job(2, trace=str(trace))
    with open_journal(folder, job):
        with pytest.raises(RuntimeError, match="is in use by another run") as caught:
            run(job, resume=folder)
        assert not hasattr(caught.value, "__notes__")
    assert not times_done(trace)
    run(job, resume=folder)


def changed(job, **terms):
    """Return a job with other terms."""
    return dataclasses.replace(job, terms=dataclasses.replace(job.terms, **terms))


def with_a_bit_flipped(values):
    """Return a copy whose last number differs in the last bit."""
    copy = values.copy()
    copy.view(np.uint64)[-1, -1] ^= 1
    return copy


OTHERS = {
    "values": lambda job: changed(job, values=with_a_bit_flipped(job.terms.values)),
    "precision": lambda job: changed(job, values=job.terms.values.astype(np.float32)),
    "dissimilarity": lambda job: changed(job, dissimilarity="cosine"),
    "coordinates": lambda job: dataclasses.replace(
        job, points=dataclasses.replace(job.points, lonlat=with_a_bit_flipped(job.points.lonlat))
    ),
    "metric": lambda job: dataclasses.replace(job, points=dataclasses.replace(job.points, metric="geodesic")),
    "bins": lambda job: dataclasses.replace(job, bins=LagBins([0.0, 1000.0, 5000.0, 9001.0])),
    "spread": lambda job: dataclasses.replace(job, spread=False),
    "blocks": lambda job: dataclasses.replace(job, blocks=dataclasses.replace(job.blocks, starts=np.array([0, 40]))),
}


@pytest.mark.parametrize("what", OTHERS)
def test_the_folder_of_another_job_is_refused(what, folder):
    job = plain_job(2)
    run(job, resume=folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(DataError, match=r"other points, values, bins or options\. Name another folder, or remove it"):
        run(OTHERS[what](job), resume=folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_the_folder_of_another_version_is_refused(folder, monkeypatch):
    run(plain_job(2), resume=folder)
    monkeypatch.setattr(_journal, "SUMS_VERSION", _journal.SUMS_VERSION + 1)
    with pytest.raises(DataError, match=r"a run with another version of variogeo\. Name another folder"):
        run(plain_job(2), resume=folder)


def test_the_folder_of_something_else_is_refused(folder):
    folder.mkdir()
    write_document(folder / "run.json", "model", {"nugget": 1.0}, overwrite=False)
    with pytest.raises(DataError, match="a run with something else"):
        run(plain_job(2), resume=folder)


def test_a_damaged_document_is_refused(folder):
    run(plain_job(2), resume=folder)
    file = folder / "run.json"
    file.write_text(file.read_text().replace('"tasks":3', '"tasks":4'))
    with pytest.raises(DataError, match="does not match its checksum"):
        run(plain_job(2), resume=folder)


def test_a_folder_with_other_files_is_refused_and_left_alone(folder):
    folder.mkdir()
    (folder / "thesis.tex").write_text("all of it")
    with pytest.raises(FileExistsError, match=r"is not the folder of a run: it holds 'thesis\.tex'"):
        run(plain_job(2), resume=folder)
    assert names(folder) == {"thesis.tex"}


def test_a_path_that_cannot_be_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"is a file\. resume= must name a folder"):
        run(plain_job(2), resume=tmp_path / "file")
    with pytest.raises(FileNotFoundError, match=r"missing is not a folder\. Make it first"):
        run(plain_job(2), resume=tmp_path / "missing" / "run")
    with pytest.raises(TypeError, match=r"Invalid resume of type bool\. Must be the path of a folder"):
        run(plain_job(2), resume=True)


def test_the_values_of_a_memory_map_and_of_an_array_have_one_fingerprint(tmp_path):
    job = plain_job(4)
    mapped = np.memmap(tmp_path / "values", np.float64, "w+", shape=job.terms.values.shape)
    mapped[:] = job.terms.values
    assert fingerprint_of(changed(job, values=mapped)) == fingerprint_of(job)


# Damage


def _flip(raw, position):
    return raw[:position] + bytes([raw[position] ^ 4]) + raw[position + 1 :]


DAMAGES = {
    "empty": lambda _: b"",
    "short": lambda raw: raw[:-1],
    "half": lambda raw: raw[: len(raw) // 2],
    "longer": lambda raw: raw + b"0",
    "start": lambda raw: _flip(raw, 0),
    "end": lambda raw: _flip(raw, len(raw) - 1),
    "middle": lambda raw: _flip(raw, len(raw) // 2),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_done_again(damage, folder, trace):
    job = plain_job(3, trace=str(trace))
    expected = run(job, resume=folder)
    file = folder / "pairs-0-2.npz"
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert run(job, resume=folder) == expected
    assert times_done(trace, (0, 2)) == 2
    assert times_done(trace) == 7
    assert file.read_bytes() == whole


def test_no_flipped_bit_is_trusted(folder):
    job = plain_job(1)
    run(job, resume=folder)
    file = folder / "pairs-0-0.npz"
    whole = file.read_bytes()
    with open_journal(folder, job) as journal:
        for position in np.random.default_rng(0).integers(0, len(whole), 300):
            file.write_bytes(_flip(whole, int(position)))
            assert not list(journal.finished())


def test_the_file_of_another_task_or_job_is_not_taken(folder, tmp_path):
    job = plain_job(3)
    expected = run(job, resume=folder)
    (folder / "pairs-0-1.npz").write_bytes((folder / "pairs-0-2.npz").read_bytes())
    assert run(job, resume=folder) == expected
    other = tmp_path / "other"
    run(OTHERS["values"](job), resume=other)
    (folder / "pairs-2-2.npz").write_bytes((other / "pairs-2-2.npz").read_bytes())
    assert run(job, resume=folder) == expected


def test_a_task_file_is_an_npz_file_that_numpy_reads(folder):
    job = plain_job(1)
    expected = run(job, resume=folder)
    with np.load(folder / "pairs-0-0.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["npairs"], expected.npairs)
        np.testing.assert_array_equal(archive["term_squared"], expected.term_squared)
