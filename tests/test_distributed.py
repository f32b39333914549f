"""Two processes equal one, and rows of all ranks."""

import json
import os
import subprocess
import sys

import pytest
import ranks
import torch
from torch import distributed

from variogeo.nn import _distributed, all_gather_rows

RANKS = 2


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return what each of two processes wrote."""
    folder = tmp_path_factory.mktemp("ranks")
    here = {**os.environ, "OMP_NUM_THREADS": "1"}
    # The gather of features that trainers use is deprecated by the newest torch.
    python = [sys.executable, "-W", "error", "-W", "ignore:torch.distributed.nn.functional:FutureWarning"]
    runs = [
        subprocess.Popen([*python, ranks.__file__, str(rank), str(RANKS), folder], env=here, stderr=subprocess.PIPE)
        for rank in range(RANKS)
    ]
    try:
        errors = [run.communicate(timeout=120)[1].decode() for run in runs]
    finally:
        for run in runs:
            run.kill()
            run.communicate()
    assert [run.returncode for run in runs] == [0] * RANKS, "\n".join(errors)
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(RANKS)]


@pytest.mark.parametrize("chunk", [None, 3])
@pytest.mark.parametrize("loss", ranks.LOSSES)
def test_two_processes_give_the_loss_and_the_gradient_of_one(results, loss, chunk):
    towers = ranks.Towers()
    value = ranks.step(towers, *ranks.samples(RANKS), 0, loss=loss, chunk=None)
    expected = ranks.outcome(towers, value)
    for result in results:
        found = result[f"{loss} {chunk}"]
        assert found.keys() == expected.keys()
        for name, numbers in expected.items():
            torch.testing.assert_close(
                torch.tensor(found[name]), torch.tensor(numbers), rtol=0, atol=1e-12, msg=f"{name} differs"
            )


def test_a_running_variogram_is_the_sum_of_those_of_the_ranks(results):
    images, _, coordinates = ranks.samples(RANKS)
    alone = []
    for rank in range(RANKS):
        mine = slice(rank * ranks.ROWS, (rank + 1) * ranks.ROWS)
        running = ranks.running_variogram()
        running.update(coordinates[mine], images[mine])
        alone.append(torch.tensor(running.empirical().sums.lag))
    for result in results:
        torch.testing.assert_close(torch.tensor(result["running"], dtype=torch.float64), sum(alone), rtol=1e-12, atol=0)
    assert (sum(alone)[1:] > alone[0][1:]).any()


def test_rows_come_in_the_order_of_the_ranks_and_without_gradient(results):
    assert [result["order"] for result in results] == [[0, 1, 10, 11]] * RANKS
    assert [result["gradient"] for result in results] == [False] * RANKS


def test_unequal_rows_are_refused_on_every_rank(results):
    for result in results:
        assert result["rows"].startswith("The ranks have 3, 2 rows.")
        assert "drop_last=True" in result["rows"]
        assert result["bytes"].startswith("A row has 8, 12 bytes on the ranks.")


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([[4, 8], [4, 8], [2, 8]], r"The ranks have 4, 4, 2 rows.*drop_last=True"),
        ([[4, 8], [4, 16]], r"A row has 8, 16 bytes on the ranks.*one dtype"),
    ],
)
def test_the_message_names_every_rank(sizes, words):
    with pytest.raises(ValueError, match=words):
        _distributed.refuse_unequal(sizes)


def test_without_a_process_group_the_tensor_itself_comes_back():
    rows = torch.rand(3, 2)
    assert all_gather_rows(rows) is rows
    learned = rows.clone().requires_grad_()
    assert not all_gather_rows(learned).requires_grad
    assert torch.equal(all_gather_rows(learned), rows)


@pytest.fixture
def one_rank(tmp_path):
    """Make a process group of this process alone."""
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("one_rank")
def test_a_group_of_one_gathers_its_own_rows():
    for rows in (torch.rand(4, 3).T, torch.arange(3), torch.zeros(0, 2), torch.ones(2, 2, dtype=torch.int32)):
        assert torch.equal(all_gather_rows(rows), rows)


@pytest.mark.usefixtures("one_rank")
def test_sizes_are_exchanged_once_where_it_means_waiting_for_a_device(monkeypatch):
    """The groups of a machine with accelerators, played by another name of the configuration."""
    exchanged = []
    monkeypatch.setattr(_distributed, "refuse_unequal", exchanged.append)
    all_gather_rows(torch.zeros(4, 2))
    all_gather_rows(torch.zeros(5, 2))
    assert exchanged == [[[4, 8]], [[5, 8]]]
    monkeypatch.setattr(distributed, "get_backend_config", lambda: "cuda:nccl")
    for count in (6, 7):
        assert len(all_gather_rows(torch.zeros(count, 2))) == count
    assert exchanged[2:] == [[[6, 8]]]


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ([[1.0, 2.0]], TypeError, "tensor of type list.*as_tensor"),
        (torch.tensor(1.0), ValueError, r"without dimensions. Must be \(n, ...\)"),
    ],
)
def test_what_has_no_rows_is_refused(rows, error, words):
    with pytest.raises(error, match=words):
        all_gather_rows(rows)
