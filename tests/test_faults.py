"""Sixteen faults of machines and processes, and the tests that show what becomes of a run."""

import ast
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from variogeo import Exponential, ResidualWeighting, Spherical, empirical_variogram
from variogeo.experiments import TINY, run_experiment
from variogeo.nn import NegativeWeights

HERE = Path(__file__).parent

FAULTS = {
    "F1 killed in the middle": [
        "test_journal.test_a_run_that_is_killed_goes_on_with_the_same_bits",
        "test_journal.test_what_a_killed_run_left_half_written_is_removed",
    ],
    "F2 disk full": [
        "test_journal.test_a_full_disk_stops_the_run_and_leaves_what_was_kept",
        "test_storage.test_a_write_that_fails_leaves_nothing_behind",
        "test_executors.test_a_full_temporary_folder_is_named",
    ],
    "F3 Ctrl-C": [
        "test_journal.test_ctrl_c_ends_a_run_at_once_and_it_goes_on_later",
        "test_cli.test_an_interrupt_ends_with_130_and_no_output_folder",
    ],
    "F4 a worker is killed": [
        "test_executors.test_a_dask_worker_that_is_killed_changes_no_bit",
        "test_executors.test_a_worker_process_that_is_killed_is_an_error_that_says_so",
    ],
    "F5 a poisoned block": [
        "test_executors.test_a_broken_task_is_named_with_its_rows",
        "test_executors.test_after_a_failure_nothing_is_begun_and_what_runs_is_yielded",
    ],
    "F6 no memory on the device": [
        "test_torch_engine.test_blocks_are_halved_until_they_fit",
        "test_torch_engine.test_too_little_memory_for_small_blocks_is_an_error",
        "test_torch_engine.test_a_tensor_elsewhere_is_not_moved_to_the_cpu_in_silence",
    ],
    "F7 no such device": ["test_faults.test_a_device_that_is_not_there_is_refused_once_with_the_way_out"],
    "F8 fork after torch": ["test_executors.test_a_pool_that_forks_is_refused"],
    "F9 one value, many threads": [
        "test_faults.test_eight_threads_that_share_a_value_get_what_one_gets",
        "test_rows.test_eight_threads_at_once_get_the_rows_they_asked_for",
    ],
    "F10 ranks that differ": [
        "test_distributed.test_unequal_rows_are_refused_on_every_rank",
        "test_distributed.test_the_message_names_every_rank",
    ],
    "F11 half precision": ["test_nn.test_half_precision_of_the_module_and_autocast_change_nothing"],
    "F12 other numbers of threads": [
        "test_executors.test_any_number_of_threads_gives_the_same_bits",
        "test_executors.test_any_number_of_processes_gives_the_same_bits",
    ],
    "F13 the folder of another run": [
        "test_journal.test_the_folder_of_another_job_is_refused",
        "test_journal.test_the_folder_of_another_version_is_refused",
    ],
    "F14 a package is missing": [
        "test_nn.test_without_torch_the_message_names_the_extra",
        "test_executors.test_without_dask_the_error_names_the_extra",
    ],
    "F15 two runs on one folder": ["test_journal.test_two_runs_on_one_folder_are_refused"],
    "F16 a clock that jumps, a rename that fails, a folder that cannot be written, a file that changed": [
        "test_journal.test_a_clock_that_jumps_back_matters_to_no_run",
        "test_journal.test_a_rename_that_fails_on_a_network_disk_loses_nothing",
        "test_journal.test_a_folder_that_cannot_be_written_is_an_error_before_any_work",
        "test_journal.test_a_read_only_disk_is_an_error_before_any_work",
        "test_rows.test_a_file_that_changes_after_it_was_opened_is_refused",
        "test_rows.test_a_file_rewritten_within_the_same_instant_is_told_by_its_footer",
    ],
}


def test_there_are_sixteen_faults():
    assert [name.split()[0] for name in FAULTS] == [f"F{number}" for number in range(1, 17)]


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_tests_that_exist(fault):
    for test in FAULTS[fault]:
        module, name = test.split(".")
        tree = ast.parse((HERE / f"{module}.py").read_text("utf-8"))
        found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
        assert len(found) == 1, test
        assert any(isinstance(node, (ast.Assert, ast.With)) for node in ast.walk(found[0])), f"{test} asserts nothing"


def test_a_device_that_is_not_there_is_refused_once_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"Invalid device 'cuda'.*cpu"):
        run_experiment(tmp_path / "out", arms=["short"], size=TINY, device="cuda")
    assert not (tmp_path / "out").exists()


def test_eight_threads_that_share_a_value_get_what_one_gets():
    lag, dissimilarity = np.geomspace(1e-3, 2e4, 50), np.linspace(0, 1, 50)
    model = Spherical(0.1, 0.4, 300.0)
    scheme = ResidualWeighting(Exponential(0.1, 0.4, 900.0), spread=0.1)
    weights = NegativeWeights(scheme, order="lonlat", units="deg")
    coords, features = torch.rand(6, 2) * 60, torch.rand(6, 4)
    calls = (
        lambda: model(lag).tobytes(),
        lambda: scheme(lag, dissimilarity).tobytes(),
        lambda: weights.log_weights(coords, coords, features, features).numpy().tobytes(),
    )
    alone = [call() for call in calls]
    with ThreadPoolExecutor(8) as pool:
        for call, expected in zip(calls, alone, strict=True):
            assert set(pool.map(lambda _, call=call: call(), range(1000))) == {expected}


def test_eight_variograms_at_once_are_the_variogram_of_one(scattered):
    lonlat, values = scattered
    alone = empirical_variogram(lonlat[:200], values[:200]).to_frame().to_csv()
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda _: empirical_variogram(lonlat[:200], values[:200]).to_frame().to_csv(), range(24))
    assert set(found) == {alone}
