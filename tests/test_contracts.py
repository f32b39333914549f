"""Every public model, scheme and kernel keeps the contract in contracts.py."""

import inspect

import pytest
from contracts import VALUES, checks_of, public_classes

CASES = [(value, check) for value in VALUES for check in checks_of(value)]


@pytest.mark.parametrize(
    ("value", "check"), CASES, ids=[f"{type(value).__name__}-{check.__name__}" for value, check in CASES]
)
def test_it_keeps_the_contract(value, check, tmp_path):
    given = {"folder": tmp_path} if "folder" in inspect.signature(check).parameters else {}
    check(value, **given)


def test_every_public_class_is_held_to_the_contract():
    assert public_classes() == {type(value) for value in VALUES}
