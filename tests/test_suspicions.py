"""Radians and rows that stand twice: what the doors warn of is what a checkup finds."""

import warnings

import numpy as np
import pytest

from variogeo import check
from variogeo._suspicions import look_like_radians, repeated_rows, row_prints
from variogeo.io import points_from_arrays

RANDOM = np.random.default_rng(6)
SMALL = RANDOM.uniform((-3.1, -1.5), (3.1, 1.5), (10, 2))


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [
        (SMALL, True),
        (SMALL[:9], False),
        (np.vstack([SMALL[:9], [[0.0, 0.0]] * 5]), False),  # (0, 0) stands for no place
        (np.vstack([SMALL, [[0.0, 0.0]] * 5]), True),
        (np.vstack([SMALL, [[3.2, 0.0]]]), False),
        (np.vstack([SMALL, [[0.0, -1.6]]]), False),
        (np.empty((0, 2)), False),
    ],
    ids=["radians", "nine", "nine and no places", "no places", "east", "south", "none"],
)
def test_doors_and_checkups_take_the_same_coordinates_for_radians(degrees: np.ndarray, expected: bool) -> None:
    assert look_like_radians(degrees) == expected
    vectors = RANDOM.normal(size=(len(degrees), 3))
    found = {finding.name for finding in check(degrees, vectors, check_land=False).findings}
    assert ("radians" in found) == expected
    if len(degrees):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            points_from_arrays(degrees, vectors, check_land=False)
        assert any("Radians?" in str(warning.message) for warning in caught) == expected


def test_doors_and_checkups_find_the_rows_that_repeat_a_place_spelled_otherwise() -> None:
    lonlat = RANDOM.uniform(-80, 80, (24, 2))
    lonlat[:4] = [[0, 90], [90, 90], [180, 10], [-180, 10]]
    vectors = RANDOM.normal(size=(24, 3))
    vectors[[1, 3]] = vectors[[0, 2]]
    assert check(lonlat, vectors, check_land=False).identical_rows == 2
    with pytest.warns(UserWarning, match=r"\(2 of 24\) repeat the place and the vector of an earlier row: 1, 3\."):
        points_from_arrays(lonlat, vectors, check_land=False)


FLOATS = {
    "one-hot": np.eye(400),
    "halves": RANDOM.integers(-3, 4, (400, 64)) / 2.0,
    "signs": np.sign(RANDOM.normal(size=(400, 64))),
    "single": np.sign(RANDOM.normal(size=(400, 64))).astype(np.float32),
    "half": (RANDOM.integers(-3, 4, (400, 63)) / 2).astype(np.float16),
    "big-endian": (RANDOM.integers(-3, 4, (400, 63)) / 2).astype(">f4"),
    "long": RANDOM.normal(size=(400, 3)).astype(np.longdouble),
    "integers": RANDOM.integers(-128, 127, (400, 13), np.int8),
    "numbers": np.arange(1.0, 401.0)[:, None] * np.ones(5),
}


@pytest.mark.parametrize("kind", FLOATS)
def test_rows_of_few_digits_have_prints_of_their_own(kind: str) -> None:
    vectors = FLOATS[kind]
    assert len(np.unique(np.asarray(vectors, float), axis=0)) == 400
    prints = row_prints(vectors)
    assert len(np.unique(prints)) == 400
    assert np.array_equal(prints[[5, 3]], row_prints(vectors[[5, 3]]))
    assert np.array_equal(prints, row_prints(np.asfortranarray(vectors)))


@pytest.mark.parametrize("kind", ["one-hot", "halves", "single", "numbers"])
def test_photos_of_one_place_with_vectors_of_few_digits_are_no_copies(kind: str) -> None:
    lonlat = np.vstack([np.full((400, 2), 5.0), RANDOM.uniform(10, 50, (20, 2))])
    vectors = np.vstack([FLOATS[kind], FLOATS[kind][:20]])
    assert check(lonlat, vectors, check_land=False).identical_rows == 0
    points_from_arrays(lonlat, vectors, check_land=False)  # a warning would be an error
    vectors[[7, 399]] = vectors[0]
    lonlat[419], vectors[419] = 5.0, vectors[0]
    assert check(lonlat, vectors, check_land=False).identical_rows == 3


def test_both_zeros_are_one() -> None:
    assert np.unique(row_prints(np.array([[0.0, 1.0], [-0.0, 1.0]]))).size == 1
    lonlat = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 3.0]])
    assert check(lonlat, np.array([[0.0, 1.0], [-0.0, 1.0], [1.0, 1.0]])).identical_rows == 1


def test_repeated_rows_are_all_but_the_first() -> None:
    place, prints = np.array([0, 1, 0, 0, 1, 0]), np.array([7, 7, 7, 8, 9, 7], np.uint64)
    assert repeated_rows(place, prints).tolist() == [2, 5]
    assert repeated_rows(place[:0], prints[:0]).tolist() == []
