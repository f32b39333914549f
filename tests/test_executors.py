"""Executors: the same bits from threads, processes and Dask, and what is said when one of them fails."""

import dataclasses
import gc
import multiprocessing
import os
import pickle
import re
import sys
import tempfile
import threading
import weakref
from concurrent.futures import BrokenExecutor, CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest
from jobs import TreeJob, added_in_order, plain_job

from variogeo import LagBins
from variogeo._checks import DataError
from variogeo._distances import prepare_points
from variogeo._engine import _job
from variogeo._engine._blocks import blocks_of
from variogeo._engine._job import Job
from variogeo._engine._terms import Terms
from variogeo._engine.running import _executors, _run, _transport, _worker
from variogeo._engine.running._executors import DaskFutures, Processes, Threads, as_executor
from variogeo._engine.running._flight import Flight
from variogeo._engine.running._run import run
from variogeo._engine.running._transport import Parcel, packed, packed_into
from variogeo.synthetic import uniform_lonlat

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(scope="module")
def pools():
    """Return pools of 1, 2 and 4 processes, which start with their first task: a process takes seconds to import."""
    with ExitStack() as stack:
        yield {n: stack.enter_context(ProcessPoolExecutor(n, mp_context=SPAWN)) for n in (1, 2, 4)}


@pytest.fixture(scope="module")
def pool(pools):
    return pools[2]


def dask_cluster(count):
    """Return a cluster whose words about killed workers are not shown."""
    distributed = pytest.importorskip("distributed")
    return distributed.LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=":0",
        silence_logs=50,
        memory_limit=0,
    )


@pytest.fixture(scope="module")
def cluster():
    with dask_cluster(1) as workers:
        yield workers


@pytest.fixture(scope="module")
def client(cluster):
    with cluster.get_client() as connected:
        yield connected


@pytest.fixture
def large():
    """Return a job whose arrays are large enough to go through a file."""
    job = plain_job(2)
    values = np.random.default_rng(1).normal(size=(40, 300))
    return dataclasses.replace(job, terms=dataclasses.replace(job.terms, values=values))


# The same bits


@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("spread", [True, False])
def test_any_number_of_threads_gives_the_same_bits(count, spread):
    job = plain_job(spread=spread)
    assert run(job, executor=Threads(count)) == added_in_order(job)


def test_threads_are_the_default():
    job = plain_job(3)
    assert run(job) == added_in_order(job)


def test_a_job_without_tasks_has_no_sums():
    job = plain_job(0)
    assert run(job) == added_in_order(job)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_any_number_of_processes_gives_the_same_bits(count, pools):
    job = plain_job()
    assert run(job, executor=pools[count]) == added_in_order(job)


def test_any_number_of_dask_workers_gives_the_same_bits(cluster, client):
    job = plain_job()
    for count in (1, 2, 4):
        cluster.scale(count)
        client.wait_for_workers(count, timeout=30)
        assert run(job, executor=client) == added_in_order(job)


@pytest.fixture(params=["blocked", "tree"])
def engine_job(request):
    """Return a job of the engine with float32 products and repeated places, of ten tasks and more."""
    lonlat = uniform_lonlat(3000, seed=2)
    lonlat[2000:] = lonlat[:1000]
    values = np.random.default_rng(2).normal(size=(3000, 64)).astype(np.float32)
    points, terms = prepare_points(lonlat, "geodesic"), Terms.of(values, "cosine")
    spread = request.param == "blocked"
    kind = Job if spread else TreeJob
    job = kind(points, terms, LagBins.logarithmic(10, 5000, 12), spread, blocks_of(points.unit, values, 800))
    assert job.terms.precision is np.float32
    assert len(job.tasks()) == 10
    return job


def test_the_engine_gives_the_same_bits_everywhere(engine_job, pool, client):
    expected = added_in_order(engine_job)
    for executor in (Threads(1), Threads(2), Threads(8), pool, client):
        assert run(engine_job, executor=executor) == expected


@pytest.mark.parametrize("count", [1, 4])
def test_any_number_of_processes_gives_the_bits_of_the_engine(engine_job, count, pools):
    assert run(engine_job, executor=pools[count]) == added_in_order(engine_job)


@pytest.mark.parametrize("count", [1, 2])
def test_a_dask_worker_that_is_killed_changes_no_bit(count, tmp_path):
    # The only worker takes the data with it: they are sent again.
    job = plain_job(trace=str(tmp_path), fatal=(1, 4), seconds=0.01)
    with dask_cluster(count) as workers, workers.get_client() as client:
        assert run(job, executor=client) == added_in_order(plain_job())
        client.wait_for_workers(count, timeout=30)
    assert len(list(tmp_path.glob("death-*"))) == 1


@pytest.mark.parametrize("kind", ["processes", "dask"])
def test_a_memory_map_reaches_the_workers_as_its_path(kind, request, large, tmp_path):
    executor = request.getfixturevalue("pool" if kind == "processes" else "client")
    expected = added_in_order(large)
    values = np.memmap(tmp_path / "values", np.float64, "w+", shape=large.terms.values.shape)
    values[:] = large.terms.values
    mapped = dataclasses.replace(large, terms=dataclasses.replace(large.terms, values=np.asarray(values)))
    assert run(mapped, executor=executor) == expected


# What fails


@pytest.mark.parametrize("kind", ["threads", "processes", "dask"])
def test_a_broken_task_is_named_with_its_rows(kind, request):
    executor = None if kind == "threads" else request.getfixturevalue("pool" if kind == "processes" else "client")
    job = plain_job(broken=(2, 5))
    rows = [", ".join(map(str, np.sort(job.blocks.rows(block))[:5])) for block in (2, 5)]
    text = (
        f"The pairs of block 2 (rows {rows[0]} (and 15 more)) with block 5 (rows {rows[1]} (and 15 more)) "
        "could not be summed: ValueError: a bad photo"
    )
    with pytest.raises(RuntimeError, match=f"^{re.escape(text)}$") as caught:
        run(job, executor=executor)
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_broken_task_within_a_block_names_it_once():
    with pytest.raises(RuntimeError, match=r"^The pairs within block 0 \(rows [^()]* \(and 15 more\)\) could not"):
        run(plain_job(broken=(0, 0)))


class Hand:
    """A pool whose futures the test completes by hand."""

    def __init__(self):
        self.futures = {}

    def submit(self, task):
        """Return the future of a task, the same each time."""
        return self.futures.setdefault(task, Future())


def test_after_a_failure_nothing_is_begun_and_what_runs_is_yielded():
    job, hand, flight = plain_job(3), Hand(), Flight()
    flight.open(job, hand.submit, 3)
    results = flight.results(job.tasks())
    done, failed, runs = (hand.submit(task) for task in job.tasks()[:3])
    done.set_result("sums")
    assert next(results) == ((0, 0), "sums")
    failed.set_exception(ValueError("bad"))
    runs.set_running_or_notify_cancel()
    threading.Timer(0.2, runs.set_result, ["late sums"]).start()
    assert next(results) == ((0, 2), "late sums")
    with pytest.raises(RuntimeError, match=r"block 0 .* with block 1 .* bad"):
        next(results)
    assert len(hand.futures) == 4
    assert hand.futures[1, 1].cancelled()


def test_no_more_tasks_are_under_way_than_asked_for():
    job, hand, flight = plain_job(3), Hand(), Flight()
    flight.open(job, hand.submit, 2)
    results = flight.results(job.tasks())
    for k, task in enumerate(job.tasks()):
        hand.submit(task).set_result(k)
        assert next(results) == (task, k)
        assert len(hand.futures) <= k + 2
    assert not list(results)


def test_a_task_whose_workers_die_again_and_again_is_an_error():
    def lose(_):
        future = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future

    flight = Flight()
    flight.open(plain_job(2), lose, 1)
    with pytest.raises(RuntimeError, match=r"within block 0 .* its workers were lost 3 times"):
        list(flight.results([(0, 0)]))


class Scatters:
    """A client of Dask that cannot send data, or only after some attempts."""

    asynchronous = False

    def __init__(self, failures):
        self.failures = failures

    def scatter(self, parcel, **_):
        """Fail as Dask does when a worker leaves."""
        if self.failures:
            raise self.failures.pop()
        return parcel

    def nthreads(self):
        """Return no workers yet."""
        return {}


def test_data_are_sent_to_dask_again_when_a_worker_leaves_meanwhile(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(_executors, "_PAUSE", 0.0)
    DaskFutures(Scatters([KeyError("tcp://1"), OSError("closed")])).start(plain_job(1))
    for failures in ([OSError("closed")] * 3, [TimeoutError("No valid workers found")]):
        with pytest.raises(RuntimeError, match=r"could not be sent to a worker of Dask: .*\. Does one run\?"):
            DaskFutures(Scatters(failures)).start(plain_job(1))
        assert not failures


class Ended:
    """A future of Dask that has ended."""

    def __init__(self, status, result):
        self.status, self._result, self.was_cancelled = status, result, False

    def result(self):
        """Return or raise the result."""
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result

    def add_done_callback(self, callback):
        """Remember what to call."""
        self.callback = callback

    def cancel(self):
        """Remember that."""
        self.was_cancelled = True


@pytest.mark.parametrize(
    ("status", "result", "expected"),
    [
        ("finished", "sums", None),
        ("error", ValueError("bad"), ValueError),
        ("cancelled", CancelledError("lost dependencies"), CancelledError),
        ("finished", OSError("the worker died while the result was fetched"), CancelledError),
    ],
)
def test_a_future_of_dask_always_ends(status, result, expected):
    future = Ended(status, result)
    bridged = _executors._bridged(future)
    future.callback(future)
    if expected is None:
        assert bridged.result(0) == result
    else:
        assert type(bridged.exception(0)) is expected
    assert not future.was_cancelled


def test_withdrawing_a_task_of_dask_withdraws_it_there():
    future = Ended("cancelled", CancelledError())
    bridged = _executors._bridged(future)
    assert bridged.cancel()
    assert future.was_cancelled
    future.callback(future)
    assert bridged.cancelled()


def test_ctrl_c_inside_a_worker_is_ctrl_c():
    with pytest.raises(KeyboardInterrupt):
        run(plain_job(broken=(1, 1), error=KeyboardInterrupt()))


def test_a_worker_process_that_is_killed_is_an_error_that_says_so(tmp_path):
    job = plain_job(trace=str(tmp_path), fatal=(0, 1))
    with ProcessPoolExecutor(1, mp_context=SPAWN) as processes:
        for _ in range(2):  # a task is under way; the pool is broken from the start
            with pytest.raises(RuntimeError, match=r"ended abruptly: killed, .* Make a new pool") as caught:
                run(job, executor=processes)
            assert isinstance(caught.value.__cause__, BrokenExecutor)


def test_a_pool_that_forks_is_refused():
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as processes,
        pytest.raises(ValueError, match=r'forked.*mp_context=multiprocessing\.get_context\("spawn"\)'),
    ):
        run(plain_job(2), executor=processes)


@pytest.mark.parametrize("wrong", ["threads", 4, Threads, ThreadPoolExecutor])
def test_anything_else_is_refused_with_the_choices(wrong):
    with pytest.raises(TypeError, match=r"Invalid executor of type .*None .*ProcessPoolExecutor.*distributed\.Client"):
        run(plain_job(2), executor=wrong)


def test_no_threads_are_refused():
    with pytest.raises(ValueError, match="Invalid count"):
        Threads(0)


def test_an_asynchronous_client_is_refused():
    class Client:
        asynchronous = True

    Client.__module__ = "distributed.client"
    with pytest.raises(TypeError, match="asynchronous Client"):
        as_executor(Client())


def test_without_dask_the_error_names_the_extra(monkeypatch):
    class Client:
        pass

    Client.__module__ = "distributed.client"
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install 'variogeo\[distributed\]'"):
        as_executor(Client())


class Own:
    """The smallest executor of a user's own: one task after the other."""

    def __init__(self, tamper=list):
        self._tamper, self.calls = tamper, []

    def start(self, job):
        """Remember the job."""
        self.calls.append("start")
        self._job = job

    def results(self, tasks):
        """Yield the sums, the last task first."""
        return iter(self._tamper((task, self._job.sums(task)) for task in reversed(tasks)))

    def stop(self):
        """Remember that."""
        self.calls.append("stop")


def test_an_executor_of_the_users_own_gives_the_same_bits():
    job, own = plain_job(4), Own()
    assert run(job, executor=own) == added_in_order(job)
    assert own.calls == ["start", "stop"]


def test_an_executor_that_leaves_tasks_out_or_repeats_them_is_refused():
    with pytest.raises(RuntimeError, match=r"ended without 1 tasks, the first of which is \(0, 0\)"):
        run(plain_job(2), executor=Own(lambda results: list(results)[:-1]))
    with pytest.raises(RuntimeError, match=r"yielded task \(1, 1\), which it was not given or had yielded before"):
        run(plain_job(2), executor=Own(lambda results: list(results) * 2))


def test_histograms_that_hold_many_cells_are_added_meanwhile(monkeypatch):
    monkeypatch.setattr(_run, "_CELLS_AT_ONCE", 10)
    assert run(plain_job(4)) == added_in_order(plain_job(4))


# Threads


def test_more_threads_than_blocks_are_kept_for_count_each_pair_once(monkeypatch, scattered):
    monkeypatch.setattr(_job, "LEAST_ROWS", 32)
    monkeypatch.setattr(_job, "_MOST_ROWS", dict.fromkeys(_job._MOST_ROWS, 32))
    monkeypatch.setattr(_job, "_KEPT_BYTES", 0)
    monkeypatch.setattr(_job, "usable_cores", lambda: 1)
    points, terms, bins = prepare_points(scattered[0], "chord"), Terms.of(scattered[1], "cosine"), LagBins([0, 20_016])
    expected = run(Job.of(points, terms, bins, spread=True), executor=Threads(1))
    assert expected.npairs.sum() == 700 * 699 // 2
    for _ in range(5):
        assert run(Job.of(points, terms, bins, spread=True), executor=Threads(12)) == expected


def test_a_job_that_has_prepared_blocks_can_be_pickled(scattered):
    points, terms = prepare_points(scattered[0], "chord"), Terms.of(scattered[1], "cosine")
    job = Job.of(points, terms, LagBins([0, 20_016]), spread=True)
    sums = job.sums((0, 0))
    assert pickle.loads(pickle.dumps(job)).sums((0, 0)) == sums


def test_there_are_as_many_threads_as_usable_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert _executors.usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert _executors.usable_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert _executors.usable_cores() == 1


def test_what_was_stopped_before_it_started_can_be_used():
    for executor in (Threads(1), Processes(ProcessPoolExecutor(1, mp_context=SPAWN))):
        executor.stop()
        assert run(plain_job(2), executor=executor) == added_in_order(plain_job(2))


def test_a_job_lets_its_blocks_go_when_it_is_done_with(scattered):
    """Without waiting for the garbage to be collected, which knows nothing of the size of arrays."""
    points, terms = prepare_points(scattered[0], "chord"), Terms.of(scattered[1], "cosine")
    job = Job.of(points, terms, LagBins([0, 20_016]), spread=True)
    job.sums((0, 0))
    side = weakref.ref(job._sides[0].points.factors)
    gc.disable()
    try:
        del job
        assert side() is None
    finally:
        gc.enable()


# The way to the workers


def test_arrays_travel_once_and_the_file_goes_when_the_run_ends(pool, large, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []

    def spy(job, file):
        parcel = packed_into(job, file)
        seen.append((file.stat().st_size, len(multiprocessing.reduction.ForkingPickler.dumps(parcel))))
        return parcel

    monkeypatch.setattr(_executors, "packed_into", spy)
    assert run(large, executor=pool) == added_in_order(large)
    with pytest.raises(RuntimeError, match="could not be summed"):
        run(dataclasses.replace(large, broken=(0, 1)), executor=pool)
    assert [size for size, _ in seen] == [large.terms.values.nbytes] * 2
    assert max(travelling for _, travelling in seen) < 8000
    assert not list(tmp_path.iterdir())


def test_a_full_temporary_folder_is_named(pool, large, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_executors, "packed_into", full)
    with pytest.raises(OSError, match=r"cannot hold the points .* No space left on device\. .*TMPDIR") as caught:
        run(large, executor=pool)
    assert caught.value.errno == 28
    assert not list(tmp_path.iterdir())


def test_a_worker_process_keeps_one_job_and_drops_a_stopped_one(large, tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    parcels = []
    for folder in folders:
        folder.mkdir()
        parcels.append(packed_into(large, folder / "arrays"))
    for folder, parcel in zip(folders, parcels, strict=True):
        assert _worker.sums_in_process(str(folder), parcel, (0, 1)) == large.sums((0, 1))
        assert _worker.sums_in_process(str(folder), Parcel(None), (1, 1)) == large.sums((1, 1))
        assert list(_worker._kept) == [str(folder)]
    with pytest.raises(CancelledError):
        _worker.sums_in_process(str(tmp_path / "gone"), parcels[0], (0, 0))
    _worker._kept.clear()


def test_a_worker_of_dask_takes_the_job_from_its_parcel(large):
    parcel = packed(large)
    assert parcel.job() is parcel.job()
    assert _worker.sums_of_parcel(parcel, 0, 1) == large.sums((0, 1))
    function, arguments = parcel.__reduce__()
    assert function(*arguments).job().sums((0, 1)) == large.sums((0, 1))


def _sent(array, tmp_path):
    """Return an array after its way to a worker through a file, and the size of that."""
    job = dataclasses.replace(plain_job(1), terms=array)
    received = packed_into(job, tmp_path / "arrays").job().terms
    return received, (tmp_path / "arrays").stat().st_size


@pytest.mark.parametrize(
    "view",
    [
        lambda whole: whole,
        lambda whole: np.asarray(whole),
        lambda whole: whole[17:, 3:9],
        lambda whole: np.asarray(whole)[::-1, ::2],
        lambda whole: whole[5:].T,
        lambda whole: whole[:40].reshape(80, 50)[3:],
    ],
)
@pytest.mark.parametrize("offset", [0, 24, 100_000])
def test_views_of_a_memory_map_travel_as_places_in_its_file(view, offset, tmp_path):
    whole = np.memmap(tmp_path / "values", np.float32, "w+", offset=offset, shape=(200, 100))
    whole[:] = np.random.default_rng(0).normal(size=whole.shape)
    array = view(whole)
    received, size = _sent(array, tmp_path)
    assert size == 0
    np.testing.assert_array_equal(received, array)
    assert not received.flags.writeable


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_in_memory_travel_in_blocks(order, tmp_path, monkeypatch):
    monkeypatch.setattr(_transport, "_WRITTEN_AT_ONCE", 5000)
    array = np.asarray(np.random.default_rng(0).normal(size=(301, 7, 5)), order=order)[1:]
    received, size = _sent(array, tmp_path)
    assert size == -(-array.nbytes // 64) * 64
    np.testing.assert_array_equal(received, array)


def test_one_array_in_two_places_is_written_once(tmp_path):
    job = plain_job(1)
    array = np.random.default_rng(0).normal(size=(100, 100))
    points = dataclasses.replace(job.points, lonlat=array, unit=array)
    received = packed_into(dataclasses.replace(job, points=points), tmp_path / "arrays").job()
    assert (tmp_path / "arrays").stat().st_size == array.nbytes
    np.testing.assert_array_equal(received.points.unit, array)


def test_changes_that_are_in_memory_only_travel_with_the_array(tmp_path):
    np.zeros((100, 100)).tofile(tmp_path / "values")
    private = np.memmap(tmp_path / "values", np.float64, "c", shape=(100, 100))
    private[3] = 1.0
    received, size = _sent(private, tmp_path)
    assert size == private.nbytes
    np.testing.assert_array_equal(received, private)


def test_a_row_source_travels_as_it_is():
    class Source:
        shape, dtype, ndim, group_starts = (4, 2), np.dtype(np.float32), 2, np.array([0, 4])

        def __len__(self):
            return 4

        def __getitem__(self, rows):
            return np.zeros((4, 2), np.float32)[rows]

    source = Source()
    assert packed(dataclasses.replace(plain_job(1), terms=source)).job().terms is source


def test_a_memory_map_cut_short_is_an_error(tmp_path):
    whole = np.memmap(tmp_path / "values", np.float64, "w+", shape=(1000,))
    parcel = packed(dataclasses.replace(plain_job(1), terms=whole))
    os.truncate(tmp_path / "values", 4000)
    with pytest.raises(DataError, match="has 4000 bytes, but had 8000 when the run began: it was cut short"):
        parcel.job()
