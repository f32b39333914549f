"""Every engine and every estimator keeps the contract in contracts_of_engines.py."""

import inspect
from typing import get_args

import pytest
import torch
from contracts_of_engines import (
    ENGINES,
    ESTIMATORS,
    EXECUTORS,
    OF_ENGINES,
    OF_ESTIMATORS,
    an_executor_changes_no_bit,
)

from variogeo._estimators import Estimator


@pytest.fixture(autouse=True)
def one_thread():
    """One thread of torch: for tensors as small as these, more of them only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("check", OF_ENGINES, ids=lambda check: check.__name__)
@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_keeps_the_contract(engine, check):
    check(ENGINES[engine])


@pytest.mark.parametrize("executor", EXECUTORS)
def test_an_executor_keeps_the_contract(executor):
    an_executor_changes_no_bit(EXECUTORS[executor])


@pytest.mark.parametrize("check", OF_ESTIMATORS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_an_estimator_keeps_the_contract(estimator, check, tmp_path):
    given = {"folder": tmp_path} if "folder" in inspect.signature(check).parameters else {}
    check(estimator, **given)


def test_every_estimator_is_held_to_the_contract():
    assert get_args(Estimator) == ESTIMATORS
