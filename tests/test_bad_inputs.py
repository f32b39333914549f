"""Arguments at the door: the bad are refused in words, the unusual give the same bits, none is changed."""

import datetime
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from variogeo import EmpiricalVariogram, LagBins, empirical_variogram, variogram_from_pairs

N, WIDTH = 24, 5
RANDOM = np.random.default_rng(9)
# Multiples of 1/64 degree: adding and taking away 360 loses no bit.
LONLAT = RANDOM.integers((-180 * 64, -80 * 64), (180 * 64, 80 * 64), (N, 2)) / 64
VECTORS = RANDOM.normal(size=(N, WIDTH))
SCALARS = VECTORS[:, 0].copy()
BINS = LagBins([10, 2000, 8000, 20_100])
HALF = {"dissimilarity": "half_squared"}


def with_rows(array: np.ndarray, rows: Iterable[int], value: object) -> np.ndarray:
    """Return a copy with some rows replaced."""
    changed = array.copy()
    changed[list(rows)] = value
    return changed


def with_column(array: np.ndarray, column: int, entries: dict[int, float]) -> np.ndarray:
    """Return a copy with some entries of a column replaced."""
    changed = array.copy()
    changed[list(entries), column] = list(entries.values())
    return changed


def masked(array: np.ndarray, rows: list[int]) -> np.ma.MaskedArray:
    mask = np.zeros(array.shape, bool)
    mask[rows, 0] = True
    return np.ma.MaskedArray(array, mask)


def refused(call: Callable[..., object], *arguments: object, **options: object) -> Exception:
    """Return what a call raises, after checking that it left its arguments as they were."""
    before = pickle.dumps((arguments, options))
    with pytest.raises((ValueError, TypeError)) as caught:
        call(*arguments, **options)
    assert pickle.dumps((arguments, options)) == before
    return caught.value


# Name of the case: coordinates, the exception, and what its message must say: argument, rows and cure.
BAD_LONLAT: dict[str, tuple[object, type[Exception], list[str]]] = {
    "NaN": (
        with_column(LONLAT, 0, {3: np.nan, 7: np.nan}),
        ValueError,
        ["lonlat has NaN or infinite coordinates in 2 rows: 3, 7.", "Drop them first"],
    ),
    "infinity": (with_column(LONLAT, 1, {5: -np.inf}), ValueError, ["lonlat", "in 1 rows: 5.", "Drop them first"]),
    "NaN in many rows": (with_rows(LONLAT, range(9), np.nan), ValueError, ["9 rows: 0, 1, 2, 3, 4 (and 4 more)"]),
    "latitude beyond a pole": (
        with_column(LONLAT, 1, {2: 90.5, 4: -91.0}),
        ValueError,
        ["lonlat has latitudes up to 91 (rows 2, 4).", "second column; are the columns swapped?"],
    ),
    "swapped columns": (
        np.array([[48.1, 11.6], [35.7, 139.7], [-33.9, 151.2]]),
        ValueError,
        ["latitudes up to 151.2 (rows 1, 2)", "are the columns swapped?"],
    ),
    "projected metres": (
        np.array([[691_000.0, 5_334_000.0], [692_000.0, 5_335_000.0]]),
        ValueError,
        [
            "lonlat has coordinates up to 5.335e+06, which are not degrees. Projected metres?",
            "lonlat_from_geodataframe",
        ],
    ),
    "integers of 1e-7 degrees": (
        np.array([[115_000_000, 481_000_000], [116_000_000, 482_000_000]]),
        ValueError,
        ["which are not degrees"],
    ),
    "longitude beyond a turn": (
        with_column(LONLAT, 0, {6: 360.5}),
        ValueError,
        ["lonlat has longitudes up to 360.5 (rows 6).", "Must lie in -180..180 or 0..360"],
    ),
    "longitude below a turn": (with_column(LONLAT, 0, {6: -361.0}), ValueError, ["longitudes up to 361 (rows 6)"]),
    "transposed": (LONLAT.T, ValueError, [f"Invalid lonlat of shape (2, {N}). Must be (n, 2): longitude, latitude"]),
    "one dimension": (LONLAT[:, 0], ValueError, [f"Invalid lonlat of shape ({N},). Must be (n, 2)"]),
    "three dimensions": (LONLAT[None], ValueError, [f"Invalid lonlat of shape (1, {N}, 2). Must be (n, 2)"]),
    "three columns": (np.hstack([LONLAT, LONLAT[:, :1]]), ValueError, [f"Invalid lonlat of shape ({N}, 3)"]),
    "a number": (5.0, ValueError, ["Invalid lonlat of shape ()"]),
    "nothing": (None, TypeError, ["Invalid lonlat of dtype object. Must be real numbers"]),
    "an empty list": ([], ValueError, ["Invalid lonlat of shape (0,). Must be (n, 2)"]),
    "objects": (LONLAT.astype(object), TypeError, ["Invalid lonlat of dtype object", ".astype(float) after looking"]),
    "strings": (LONLAT.astype(str), TypeError, ["Invalid lonlat of dtype <U", "Must be real numbers"]),
    "bytes": (LONLAT.astype(bytes), TypeError, ["Invalid lonlat of dtype |S"]),
    "complex": (LONLAT + 0j, TypeError, ["Invalid lonlat of dtype complex128. Must be real numbers"]),
    "truth values": (LONLAT > 0, TypeError, ["Invalid lonlat of dtype bool. Must be real numbers"]),
    "dates": (np.full((N, 2), np.datetime64("2024-01-01")), TypeError, ["Invalid lonlat of dtype datetime64"]),
    "durations": (np.full((N, 2), np.timedelta64(1, "D")), TypeError, ["Invalid lonlat of dtype timedelta64"]),
    "ragged lists": (
        [[8.0, 50.0], [9.0, 50.0], [9.0], [1.0, 2.0, 3.0]],
        ValueError,
        ["Invalid lonlat: row 2 has shape (1,) but row 0 has (2,).", "Every row must have the same length"],
    ),
    "masked": (masked(LONLAT, [1, 8]), ValueError, ["lonlat is masked in 2 rows: 1, 8. Drop these rows first."]),
}


@pytest.mark.parametrize(("lonlat", "kind", "words"), BAD_LONLAT.values(), ids=BAD_LONLAT.keys())
def test_bad_coordinates_are_refused_with_argument_rows_and_cure(
    lonlat: object, kind: type[Exception], words: list[str]
) -> None:
    errors = [
        refused(empirical_variogram, lonlat, VECTORS, BINS),
        refused(LagBins.covering, lonlat),
    ]
    assert [type(error) for error in errors] == [kind, kind]
    for error in errors:
        assert [text for text in words if text not in str(error)] == []


BAD_VALUES: dict[str, tuple[object, dict[str, str], type[Exception], list[str]]] = {
    "a NaN": (
        with_column(VECTORS, 2, {4: np.nan, 11: np.nan}),
        {},
        ValueError,
        ["values has NaN or infinite entries in 2 rows: 4, 11. Drop them first."],
    ),
    "an infinity": (with_column(VECTORS, 0, {4: np.inf}), HALF, ValueError, ["values", "in 1 rows: 4."]),
    "a NaN scalar": (with_rows(SCALARS, [7], np.nan), HALF, ValueError, ["values has NaN", "in 1 rows: 7."]),
    "a zero vector": (
        with_rows(VECTORS, [0, 9], 0.0),
        {},
        ValueError,
        ["values has 2 zero vectors", "rows 0, 9. Drop them", 'dissimilarity="half_squared"'],
    ),
    "a row less": (
        VECTORS[1:],
        {},
        ValueError,
        [f"values has {N - 1} rows but lonlat has {N}. One row per photo in both."],
    ),
    "a scalar more": (np.append(SCALARS, 1.0), HALF, ValueError, [f"values has {N + 1} rows but lonlat has {N}"]),
    "transposed": (VECTORS.T, {}, ValueError, [f"values has {WIDTH} rows but lonlat has {N}"]),
    "three dimensions": (VECTORS[:, :, None], {}, ValueError, [f"Invalid values of shape ({N}, {WIDTH}, 1)", "(n, d)"]),
    "a number": (5.0, HALF, ValueError, ["Invalid values of shape (). Must be (n, d) embeddings or (n,) scalars."]),
    "no columns": (VECTORS[:, :0], {}, ValueError, [f"Invalid values of shape ({N}, 0)"]),
    "scalars with cosine": (
        SCALARS,
        {},
        ValueError,
        [f"Invalid values of shape ({N},). The cosine", "needs (n, d) embeddings", 'dissimilarity="half_squared"'],
    ),
    "whole numbers": (
        np.ones((N, WIDTH), np.int8),
        {},
        TypeError,
        ["Invalid values of dtype int8. Integer embeddings are quantised: de-quantise them to floats first"],
    ),
    "whole numbers half squared": (np.ones((N, WIDTH), np.uint8), HALF, TypeError, ["Invalid values of dtype uint8"]),
    "objects": (VECTORS.astype(object), {}, TypeError, ["Invalid values of dtype object", "np.stack(column)"]),
    "a column of arrays": (
        np.array([*VECTORS, None], dtype=object)[:N],
        {},
        TypeError,
        ["Invalid values of dtype object", "np.stack(column)"],
    ),
    "strings": (VECTORS.astype(str), {}, TypeError, ["Invalid values of dtype <U"]),
    "complex": (VECTORS * 1j, {}, TypeError, ["Invalid values of dtype complex128"]),
    "truth values": (VECTORS > 0, {}, TypeError, ["Invalid values of dtype bool"]),
    "dates": ([datetime.date(2024, 1, 1)] * N, HALF, TypeError, ["Invalid values of dtype object"]),
    "a table of dates": (np.full((N, 2), np.datetime64("2024-01-01")), {}, TypeError, ["dtype datetime64"]),
    "ragged lists": (
        [[1.0, 2.0]] * 5 + [[1.0]] + [[1.0, 2.0]] * (N - 6),
        {},
        ValueError,
        ["Invalid values: row 5 has shape (1,) but row 0 has (2,). Every row must have the same length."],
    ),
    "rows ragged inside": ([[[1.0], [1.0, 2.0]]] * N, {}, ValueError, ["Invalid values: its rows are ragged inside"]),
    "masked": (masked(VECTORS, [3]), {}, ValueError, ["values is masked in 1 rows: 3. Drop these rows first."]),
    "nothing": (None, {}, TypeError, ["Invalid values of dtype object"]),
}


@pytest.mark.parametrize(("values", "options", "kind", "words"), BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_bad_values_are_refused_with_argument_rows_and_cure(
    values: object, options: dict[str, str], kind: type[Exception], words: list[str]
) -> None:
    error = refused(empirical_variogram, LONLAT, values, BINS, **options)
    assert type(error) is kind
    assert [text for text in words if text not in str(error)] == []


@pytest.mark.parametrize(
    ("lonlat", "words"),
    [
        (np.zeros((0, 2)), "lonlat has 0 rows: no pairs. A variogram needs at least two points."),
        (np.array([[8.0, 50.0]]), "lonlat has 1 rows: no pairs. A variogram needs at least two points."),
        (np.full((6, 2), 7.0), "lonlat has all 6 points at one place: no lag but zero. Check the coordinates."),
        (np.array([[180.0, 5.0], [-180.0, 5.0]]), "lonlat has all 2 points at one place"),
        (np.array([[0.0, 90.0], [77.0, 90.0]]), "lonlat has all 2 points at one place"),
        (np.array([[350.0, 5.0], [-10.0, 5.0]]), "lonlat has all 2 points at one place"),
    ],
    ids=["no rows", "one point", "one place", "one place at 180 degrees", "one pole", "one place in two conventions"],
)
@pytest.mark.parametrize("metric", ["geodesic", "great_circle", "chord"])
def test_points_without_a_lag_are_refused(lonlat: np.ndarray, words: str, metric: str) -> None:
    error = refused(empirical_variogram, lonlat, VECTORS[: len(lonlat)], BINS, metric=metric)
    assert type(error) is ValueError
    assert words in str(error)


@pytest.mark.parametrize(
    ("option", "value", "members"),
    [
        ("metric", "vincenty", "'geodesic', 'great_circle', 'chord'"),
        ("metric", "Geodesic", "'geodesic', 'great_circle', 'chord'"),
        ("metric", None, "'geodesic', 'great_circle', 'chord'"),
        ("estimator", "cressie", "'matheron', 'cressie_hawkins', 'dowd'"),
        ("dissimilarity", "euclidean", "'cosine', 'half_squared', 'madogram', 'rodogram'"),
        ("dissimilarity", ["cosine"], "'cosine', 'half_squared', 'madogram', 'rodogram'"),
        ("dissimilarity", 1, "'cosine', 'half_squared', 'madogram', 'rodogram'"),
    ],
)
def test_an_unknown_choice_lists_the_members(option: str, value: object, members: str) -> None:
    error = refused(empirical_variogram, LONLAT, VECTORS, BINS, **{option: value})
    assert str(error) == f"Invalid {option} {value!r}. Must be one of {members}."


@pytest.mark.parametrize("bins", [[1, 10, 100], np.array([1.0, 10.0]), 20, "log", LagBins], ids=str)
def test_bins_of_another_type_are_refused_with_an_example(bins: object) -> None:
    for error in (
        refused(empirical_variogram, LONLAT, VECTORS, bins),
        refused(variogram_from_pairs, [1.0], [0.5], bins),
    ):
        assert type(error) is TypeError
        assert f"Invalid bins of type {type(bins).__name__}. Must be LagBins, e.g. LagBins(edges)." in str(error)


def test_bins_that_hold_no_pair_are_refused_with_their_span_and_a_cure() -> None:
    for error in (
        refused(empirical_variogram, LONLAT, VECTORS, LagBins([0.001, 0.002])),
        refused(variogram_from_pairs, [5.0, 0.0], [0.5, 0.5], LagBins([0.001, 0.002])),
    ):
        assert type(error) is ValueError
        assert "Every bin from 0.001 to 0.002 km is empty. The lags lie outside: choose other edges" in str(error)


@pytest.mark.parametrize(
    ("edges", "kind", "words"),
    [
        ([1, 10, 5, 20], ValueError, "Invalid edges: 5 follows 10 (position 2). Must increase strictly (km)."),
        ([1, 10, 10, 20], ValueError, "Invalid edges: 10 follows 10 (position 2). Must increase strictly"),
        ([20, 10], ValueError, "Invalid edges: 10 follows 20 (position 1)"),
        ([0, 0], ValueError, "Invalid edges: 0 follows 0 (position 1)"),
        ([1, np.nan, 20], ValueError, "Invalid edges [1, nan, 20]. Must be finite and not negative (km)."),
        ([1, np.inf], ValueError, "Invalid edges [1, inf]. Must be finite"),
        ([-1, 10], ValueError, "Invalid edges [-1, 10]. Must be finite and not negative (km)."),
        ([np.nan] * 9, ValueError, "Invalid edges [nan, nan, nan, nan, nan, nan, ...]"),
        ([1], ValueError, "Invalid edges of shape (1,). Must be (count + 1,) with at least one bin."),
        ([], ValueError, "Invalid edges of shape (0,)"),
        (5.0, ValueError, "Invalid edges of shape ()"),
        ([[1, 2], [3, 4]], ValueError, "Invalid edges of shape (2, 2)"),
        ([[1, 2], [3]], ValueError, "Invalid edges: row 1 has shape (1,) but row 0 has (2,)"),
        (["1", "2"], TypeError, "Invalid edges of dtype <U1. Must be real numbers"),
        ([1, None], TypeError, "Invalid edges of dtype object"),
        ([True, False], TypeError, "Invalid edges of dtype bool"),
        ([1j, 2j], TypeError, "Invalid edges of dtype complex128"),
        (None, TypeError, "Invalid edges of dtype object"),
    ],
    ids=str,
)
def test_bad_edges_are_refused(edges: object, kind: type[Exception], words: str) -> None:
    error = refused(LagBins, edges)  # type: ignore[arg-type]
    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize("make", [LagBins.linear, LagBins.logarithmic])
@pytest.mark.parametrize(
    ("limits", "kind", "words"),
    [
        ((10, 5, 3), ValueError, "Invalid high '5.0'. Must be greater than 10 (km, above low)"),
        ((10, 10, 3), ValueError, "Invalid high '10.0'"),
        ((10, np.inf, 3), ValueError, "Invalid high 'inf'. Must be finite"),
        ((-1, 10, 3), ValueError, "Invalid low '-1"),
        ((np.nan, 10, 3), ValueError, "Invalid low 'nan'"),
        (("1", 10, 3), TypeError, "Invalid low '1'. Must be a number"),
        ((None, 10, 3), TypeError, "Invalid low None. Must be a number"),
        ((1, "10", 3), TypeError, "Invalid high '10'. Must be a number"),
        ((1, 10, 0), ValueError, "Invalid count '0'. Must be a whole number of at least 1"),
        ((1, 10, 2.5), ValueError, "Invalid count '2.5'. Must be a whole number of at least 1"),
        ((1, 10, np.nan), ValueError, "Invalid count 'nan'"),
        ((1, 10, np.inf), ValueError, "Invalid count 'inf'"),
        ((1, 10, "3"), TypeError, "Invalid count '3'. Must be a number"),
        ((1, 10, None), TypeError, "Invalid count None. Must be a number"),
    ],
    ids=str,
)
def test_bad_limits_of_bins_are_refused(
    make: Callable[..., LagBins], limits: tuple[Any, Any, Any], kind: type[Exception], words: str
) -> None:
    error = refused(make, *limits)
    assert type(error) is kind
    assert words in str(error)


PAIRS = [1.0, 2.0, 3.0]


@pytest.mark.parametrize("name", ["lag", "dissimilarity"])
@pytest.mark.parametrize(
    ("column", "kind", "words"),
    [
        ([1.0, np.nan, 3.0], ValueError, "Invalid {} 'nan' at row 1. Must be finite and not negative."),
        ([1.0, 2.0, np.inf], ValueError, "Invalid {} 'inf' at row 2"),
        ([-0.5, 2.0, 3.0], ValueError, "Invalid {} '-0.5' at row 0. Must be finite and not negative."),
        ([], ValueError, "Invalid {} of shape (0,). Must be (m,) with at least one pair."),
        (5.0, ValueError, "Invalid {} of shape (). Must be (m,)"),
        ([[1.0, 2.0, 3.0]], ValueError, "Invalid {} of shape (1, 3). Must be (m,)"),
        ([[1.0], [1.0, 2.0], [3.0]], ValueError, "Invalid {}: row 1 has shape (2,) but row 0 has (1,)"),
        (["1", "2", "3"], TypeError, "Invalid {} of dtype <U1. Must be real numbers"),
        ([1j, 2j, 3j], TypeError, "Invalid {} of dtype complex128"),
        ([True, False, True], TypeError, "Invalid {} of dtype bool"),
        ([1.0, None, 3.0], ValueError, "Invalid {} 'nan' at row 1. Must be finite and not negative."),
        ([1, None, 3], TypeError, "Invalid {} of dtype object"),
        (np.full(3, np.datetime64("2024-01-01")), TypeError, "Invalid {} of dtype datetime64"),
        (masked(np.ones((3, 1)), [2])[:, 0], ValueError, "{} is masked in 1 rows: 2. Drop these rows first."),
    ],
    ids=str,
)
def test_bad_pairs_are_refused_with_argument_and_row(
    name: str, column: object, kind: type[Exception], words: str
) -> None:
    arguments = {"lag": PAIRS, "dissimilarity": PAIRS, name: column}
    error = refused(variogram_from_pairs, arguments["lag"], arguments["dissimilarity"], LagBins([0, 5]))
    assert type(error) is kind
    assert words.format(name) in str(error)


def test_columns_of_pairs_of_different_length_are_refused_with_both_numbers() -> None:
    error = refused(variogram_from_pairs, [1.0, 2.0], [0.1, 0.2, 0.3], LagBins([0, 5]))
    assert str(error) == "dissimilarity has 3 rows but lag has 2. One row per pair in both."


def strided(array: np.ndarray) -> np.ndarray:
    return np.repeat(np.repeat(array, 2, axis=0), 3, axis=1)[::2, ::3] if array.ndim == 2 else np.repeat(array, 2)[::2]


def reversed_in_memory(array: np.ndarray) -> np.ndarray:
    return array[::-1].copy()[::-1]


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.setflags(write=False)
    return array


LAYOUTS: dict[str, Callable[[np.ndarray], Any]] = {
    "strided": strided,
    "Fortran order": np.asfortranarray,
    "negative stride": reversed_in_memory,
    "read-only": read_only,
    "big-endian": lambda array: array.astype(">f8"),
    "a list": lambda array: array.tolist(),
    "a masked array without a mask": np.ma.MaskedArray,
    "long double": lambda array: array.astype(np.longdouble),
}


def measured(lonlat: Any, values: Any, **options: Any) -> EmpiricalVariogram:
    """Return the variogram, after checking that it left its arguments as they were."""
    before = pickle.dumps((lonlat, values))
    empirical = empirical_variogram(lonlat, values, BINS, **options)
    assert pickle.dumps((lonlat, values)) == before
    return empirical


def assert_close(short: EmpiricalVariogram, exact: EmpiricalVariogram) -> None:
    """Products of short floats are float32: equal counts, and means that differ by their rounding only."""
    assert short.npairs.tolist() == exact.npairs.tolist()
    np.testing.assert_allclose(short.semivariance, exact.semivariance, rtol=0, atol=1e-8)
    np.testing.assert_allclose(short.lag, exact.lag, rtol=1e-7)
    assert short.sill_apriori == pytest.approx(exact.sill_apriori, rel=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize(
    ("values", "options"),
    [(VECTORS, {}), (VECTORS, HALF), (SCALARS, HALF)],
    ids=["cosine", "half squared", "scalars"],
)
def test_the_layout_of_an_array_changes_no_bit(
    layout: Callable[[np.ndarray], Any], values: np.ndarray, options: dict[str, str]
) -> None:
    assert measured(layout(LONLAT), layout(values), **options) == measured(LONLAT, values, **options)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ">f4", ">f2"])
@pytest.mark.parametrize("options", [{}, HALF], ids=["cosine", "half squared"])
def test_short_floats_are_summed_like_the_same_numbers_in_float64(dtype: type | str, options: dict[str, str]) -> None:
    short = VECTORS.astype(dtype)
    assert_close(measured(LONLAT, short, **options), measured(LONLAT, short.astype(np.float64), **options))


def test_float16_does_not_overflow_in_sums() -> None:
    large = np.full((N, WIDTH), 60_000, np.float16)
    large[::2] *= -1
    # Opposite vectors differ by 120 000 in each of five columns: half the square is 3.6e10, far beyond float16.
    halves = measured(LONLAT, large, **HALF)
    assert np.nanmax(halves.semivariance) <= WIDTH * 120_000**2 / 2
    assert halves.sill_apriori == pytest.approx(WIDTH * 60_000.0**2, rel=1e-2)  # float16 rounds 60 000


@pytest.mark.parametrize("dtype", [np.int64, np.int16, np.uint8, np.float16])
def test_whole_numbers_are_accepted_as_scalars_and_coordinates(dtype: type) -> None:
    lonlat = np.abs(LONLAT).round().clip(0, 80)
    counts = np.arange(N)
    reference = measured(lonlat, counts.astype(float), **HALF)
    exact = lonlat if dtype == np.float16 else lonlat.astype(dtype)
    assert measured(exact, counts.astype(dtype), **HALF) == reference


def test_longitudes_of_0_to_360_give_the_same_bits() -> None:
    turned = LONLAT.copy()
    turned[:, 0] %= 360
    assert turned[:, 0].max() > 180
    assert measured(turned, VECTORS) == measured(LONLAT, VECTORS)
    assert LagBins.covering(turned) == LagBins.covering(LONLAT)


def test_a_full_turn_is_zero_and_minus_a_full_turn_too() -> None:
    vectors = np.eye(3)
    reference = measured([[0.0, 0.0], [5.0, 0.0], [0.0, 50.0]], vectors)
    assert measured([[360.0, 0.0], [-355.0, 0.0], [-360.0, 50.0]], vectors) == reference


def test_a_zero_vector_is_fine_for_the_half_squared_dissimilarity() -> None:
    values = with_rows(np.ones((N, 1)), [0], 0.0)
    # One row of N differs, by 1 in one column: N - 1 pairs with 1/2.
    sums = measured(LONLAT, values, **HALF).sums
    assert sums.term.sum() == pytest.approx((N - 1) / 2)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("options", [{}, HALF], ids=["cosine", "half squared"])
def test_a_tensor_gives_what_its_numbers_give(dtype: str, options: dict[str, str]) -> None:
    torch = pytest.importorskip("torch")
    vectors = torch.tensor(VECTORS).to(getattr(torch, dtype))
    lonlat = torch.tensor(LONLAT)
    numbers = vectors.to(torch.float64).numpy().copy()
    empirical = empirical_variogram(lonlat, vectors, BINS, **options)  # type: ignore[arg-type]
    assert_close(empirical, measured(LONLAT, numbers, **options))
    assert np.array_equal(vectors.to(torch.float64).numpy(), numbers)
    assert np.array_equal(lonlat.numpy(), LONLAT)


def test_a_tensor_with_a_gradient_is_read_and_keeps_it() -> None:
    torch = pytest.importorskip("torch")
    vectors = torch.tensor(VECTORS, requires_grad=True)
    assert empirical_variogram(LONLAT, vectors, BINS) == measured(LONLAT, VECTORS)
    assert vectors.requires_grad
    assert vectors.grad is None


@pytest.mark.parametrize("kind", ["int8", "bool", "complex64"])
def test_a_tensor_of_another_kind_is_refused(kind: str) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="Invalid values of dtype"):
        empirical_variogram(LONLAT, torch.ones((N, WIDTH)).to(getattr(torch, kind)), BINS)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, ">f4"])
def test_a_memory_map_gives_what_its_numbers_give_and_is_not_written(dtype: type | str, tmp_path: Path) -> None:
    path = tmp_path / "vectors.npy"
    np.save(path, VECTORS.astype(dtype))
    raw = path.read_bytes()
    for mode in ("r", "r+", "c"):
        mapped = np.load(path, mmap_mode=mode)
        assert isinstance(mapped, np.memmap)
        assert empirical_variogram(LONLAT, mapped, BINS) == measured(LONLAT, VECTORS.astype(dtype))
        del mapped
    assert path.read_bytes() == raw


def test_pairs_in_any_layout_give_the_same_bits() -> None:
    lag, term = np.abs(LONLAT[:, 0]), np.abs(LONLAT[:, 1]) / 90
    bins = LagBins([0, 50, 200])
    reference = variogram_from_pairs(lag, term, bins)
    for layout in LAYOUTS.values():
        given = layout(lag), layout(term)
        before = pickle.dumps(given)
        assert variogram_from_pairs(*given, bins) == reference
        assert pickle.dumps(given) == before


def test_the_edges_of_bins_are_a_copy_that_nobody_can_write() -> None:
    edges = np.array([1.0, 10.0, 100.0])
    bins = LagBins(edges)
    edges[0] = 5.0
    assert bins.edges[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        bins.edges[0] = 5.0
    assert edges.flags.writeable
    for layout in LAYOUTS.values():
        assert LagBins(layout(np.array([1.0, 10.0, 100.0]))) == bins
