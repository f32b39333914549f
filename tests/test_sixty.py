"""Sixty bad or odd inputs: what each door makes of them.

Cases of numbers go through three doors: arrays, a GeoDataFrame, and a file on the command line. Cases of files,
bins, fits and texts go where they occur. An error names what, where and how to mend it; inputs stay as they were; no
part of a file is left behind.
"""

import json
import pickle
import re
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from shapely import LineString, Point, Polygon

import variogeo
from variogeo import DataError, Exponential, LagBins, cli, empirical_variogram, fit_variogram
from variogeo._storage import dump_document
from variogeo.datasets import geoclip_photos
from variogeo.io import open_embeddings, open_points, points_from_arrays, points_from_geodataframe, read_points
from variogeo.nn import NegativeWeights

RANDOM = np.random.default_rng(11)
# Towns of Europe, a degree apart and more: on land also for a mask of one degree; multiples of 1/64 degree.
LONLAT = np.column_stack([np.arange(5, 29, 2), np.tile([47.0, 49.0, 51.0], 4)]) + RANDOM.integers(-16, 17, (12, 2)) / 64
VECTORS = RANDOM.normal(size=(12, 5))
BINS = LagBins.linear(1, 1500, 3)
EXPECTED = empirical_variogram(LONLAT, VECTORS, BINS)
PHOTOS = tuple(np.array(part[:400]) for part in geoclip_photos())


def with_entries(array: np.ndarray, rows: list[int], value: object, column: int | None = None) -> np.ndarray:
    """Return a copy with the entries of some rows replaced."""
    changed = array.copy()
    changed[rows if column is None else (rows, column)] = value
    return changed


def csv_of(variogram: Any) -> str:
    """Return a variogram as text, in full."""
    return variogram.to_frame().to_csv()


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(autouse=True)
def _inputs_stay_and_no_part_of_a_file_is_left(tmp_path):
    """Points and vectors that tests share are the same bytes afterwards, and temporary files are gone."""
    before = LONLAT.tobytes(), VECTORS.tobytes()
    yield
    assert (LONLAT.tobytes(), VECTORS.tobytes()) == before
    assert [path for path in tmp_path.rglob("*") if path.name.startswith(".") or path.suffix in (".part", ".tmp")] == []


def refused(
    call: Callable[[], object],
    *words: str,
    kind: type[Exception] | tuple[type[Exception], ...] = ValueError,
    inside: Path | None = None,
) -> str:
    """Assert that a call is refused, that the message says the words, and that files inside a folder stay as is."""
    before = contents(inside) if inside else {}
    with pytest.raises(kind) as caught:
        call()
    assert inside is None or contents(inside) == before
    assert [text for text in words if text not in str(caught.value)] == [], str(caught.value)
    return str(caught.value)


# --- the three doors -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Numbers:
    """One case of numbers, and what becomes of it.

    ``error`` holds words of the refusal, ``warning`` those of a warning beside a result, ``drops`` the rows that
    ``missing="drop"`` leaves out; without any of them the result is that of ``same_as``.
    """

    number: int
    lonlat: Any = field(default_factory=lambda: LONLAT)
    embeddings: Any = field(default_factory=lambda: VECTORS)
    error: tuple[str, ...] = ()
    warning: str = ""
    drops: tuple[int, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    doors: tuple[str, ...] = ("arrays", "frame", "command")
    same_as: tuple[Any, Any] = field(default_factory=lambda: (LONLAT, VECTORS))


def by_arrays(case: Numbers, folder: Path, options: dict[str, Any]) -> str:  # noqa: ARG001 - as the other doors
    """Return the variogram of arrays."""
    points = points_from_arrays(case.lonlat, case.embeddings, **options)
    return csv_of(empirical_variogram(*points, BINS))


def by_frame(case: Numbers, folder: Path, options: dict[str, Any]) -> str:  # noqa: ARG001 - as the other doors
    """Return the variogram of a GeoDataFrame; a place that is not there is a point at NaN, as geopandas makes it."""
    places = gpd.points_from_xy(*np.asarray(case.lonlat, float).T)
    frame = gpd.GeoDataFrame({"clip": list(case.embeddings)}, geometry=places, crs="EPSG:4326")
    before = frame.copy(deep=True)
    try:
        return csv_of(empirical_variogram(*points_from_geodataframe(frame, embedding="clip", **options), BINS))
    finally:
        assert frame.drop(columns="clip").equals(before.drop(columns="clip"))
        assert [row.tobytes() for row in frame["clip"]] == [row.tobytes() for row in before["clip"]]


def by_command(case: Numbers, folder: Path, options: dict[str, Any]) -> str:
    """Return the variogram that ``variogeo fit`` writes; refusals come as one line, and leave no file."""
    file, out = folder / "photos.npz", folder / "out"
    np.savez(file, lonlat=case.lonlat, clip=case.embeddings)
    before = file.read_bytes()
    words = ["fit", str(file), "--embedding", "clip", "--out", str(out), "--low", "1", "--high", "1500", "--bins", "3"]
    words += ["--spacing", "linear"]
    for name, value in options.items():
        words += ["--no-check-land"] if name == "check_land" else [f"--{name.replace('_', '-')}", str(value)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        code, text = run_command(words)
    assert file.read_bytes() == before
    for warning in caught:
        warnings.warn(str(warning.message), UserWarning, stacklevel=2)
    if code:
        assert code == 1, text
        assert [line.startswith("variogeo: warning: ") for line in text.splitlines()[:-1]].count(False) == 0, text
        assert sorted(path.name for path in folder.iterdir()) == ["photos.npz"]
        raise DataError(text)
    if "warning:" in text:
        warnings.warn(text, UserWarning, stacklevel=2)
    assert sorted(path.name for path in out.iterdir()) == ["model.json", "variogram.json", "variogram.png"]
    return csv_of(variogeo.load(out / "variogram.json"))


def run_command(words: list[str]) -> tuple[int, str]:
    """Return the exit code of a command and what it said on stderr."""
    import contextlib
    import io

    spoken = io.StringIO()
    with contextlib.redirect_stderr(spoken), contextlib.redirect_stdout(io.StringIO()):
        code = cli.main(words)
    return code, spoken.getvalue()


def spelled(word: str) -> str:
    """Return an option of a function as the command line has it."""
    return re.sub(r'(\w+)="(\w+)"', r"--\1 \2", word)


DOORS = {"arrays": by_arrays, "frame": by_frame, "command": by_command}
SWAPPED = PHOTOS[0][np.abs(PHOTOS[0][:, 0]) < 90][:60, ::-1].copy()
WEST = LONLAT - [12, 0]
ALIKE = np.tile(VECTORS[0], (12, 1))

NUMBERS = (
    Numbers(1, with_entries(LONLAT, [3, 7], np.nan, 0), error=("in 2 rows: 3, 7", 'missing="drop"'), drops=(3, 7)),
    Numbers(2, with_entries(LONLAT, [5], np.inf, 1), error=("in 1 rows: 5",), drops=(5,)),
    Numbers(3, with_entries(LONLAT, [2], 95.0, 1), error=("latitudes up to 95 (rows 2)", "columns swapped?")),
    Numbers(4, SWAPPED, PHOTOS[1][:60], warning="are the columns swapped?"),
    Numbers(4, SWAPPED, PHOTOS[1][:60], options={"check_land": False}, same_as=(SWAPPED, PHOTOS[1][:60])),
    Numbers(5, WEST + [360, 0] * (WEST[:, :1] < 0), same_as=(WEST, VECTORS)),
    Numbers(6, with_entries(LONLAT, [6], 361.0, 0), error=("longitudes up to 361 (rows 6)", "0..360")),
    Numbers(7, np.radians(LONLAT), warning="Radians?", doors=("arrays",)),
    Numbers(7, np.radians(LONLAT), options={"units": "deg"}, doors=("arrays",), same_as=(np.radians(LONLAT), VECTORS)),
    Numbers(7, np.radians(LONLAT), doors=("frame",), same_as=(np.radians(LONLAT), VECTORS)),  # its CRS says degrees
    Numbers(7, np.radians(LONLAT), error=("Radians?", 'units="rad"', "Only 1 bins hold pairs"), doors=("command",)),
    Numbers(8, LONLAT * 1e5, error=("which are not degrees", "Projected metres?", "CRS")),
    Numbers(9, (LONLAT * 1e7).astype(np.int64), error=("which are not degrees", 'units="e7"')),
    Numbers(9, np.round(LONLAT * 1e7).astype(np.int64), options={"units": "e7"}, doors=("arrays", "command")),
    Numbers(19, LONLAT[1:], error=("12 rows", "11"), doors=("arrays", "command")),
    Numbers(20, LONLAT[:0], VECTORS[:0], error=("no rows",)),
    Numbers(21, LONLAT[:1], VECTORS[:1], error=("no pairs",)),
    Numbers(22, np.tile(LONLAT[0], (12, 1)), error=("one place",)),
    Numbers(24, np.tile(LONLAT, (2, 1)), np.tile(VECTORS, (2, 1)), warning="repeat the place and the vector"),
    Numbers(27, LONLAT.T, error=("(2, 12)", "(n, 2)"), doors=("arrays", "command")),
    Numbers(27, LONLAT[:, 0], error=("(12,)", "(n, 2)"), doors=("arrays", "command")),
    Numbers(27, LONLAT[None], error=("(1, 12, 2)", "(n, 2)"), doors=("arrays", "command")),
    Numbers(27, 5.0, error=("()", "(n, 2)"), doors=("arrays", "command")),
    Numbers(27, embeddings=VECTORS.T, error=("5 rows", "12"), doors=("arrays", "command")),
    Numbers(27, embeddings=VECTORS[:, 0], error=("(12,)",), doors=("arrays", "command")),
    Numbers(27, embeddings=VECTORS[None], error=("(1, 12, 5)",), doors=("arrays", "command")),
    Numbers(27, embeddings=np.float64(5.0), error=("()",), doors=("arrays", "command")),
    Numbers(28, embeddings=[np.ones(2)] * 4 + [np.ones(1)] * 8, error=("row 4",), doors=("arrays", "frame")),
    Numbers(29, embeddings=with_entries(VECTORS, [4, 9], np.nan, 2), error=("in 2 rows: 4, 9",), drops=(4, 9)),
    Numbers(30, embeddings=with_entries(VECTORS, [0, 9], 0.0), error=("2 zero vectors", "rows 0, 9"), drops=(0, 9)),
    Numbers(31, embeddings=VECTORS.astype(np.float16), same_as=(LONLAT, VECTORS.astype(np.float16).astype(float))),
    Numbers(33, embeddings=np.int8(VECTORS * 9), error=("int8", "dequantize")),
    Numbers(34, embeddings=np.uint8(np.abs(VECTORS * 9)), error=("uint8", "dequantize")),
    Numbers(35, embeddings=VECTORS.astype(object), error=("object",), doors=("arrays", "frame")),
    Numbers(36, embeddings=VECTORS.astype(str), error=("<U",)),
    Numbers(37, embeddings=VECTORS + 0j, error=("complex128",)),
    Numbers(38, embeddings=VECTORS > 0, error=("bool",)),
    Numbers(38, embeddings=np.full((12, 5), np.datetime64("2020-01-01")), error=("datetime64",)),
)  # fmt: skip
CASES = [(case, door) for case in NUMBERS for door in case.doors]


@pytest.mark.parametrize(("case", "door"), CASES, ids=[f"{case.number:02}-{door}" for case, door in CASES])
def test_numbers_are_refused_warned_of_or_right_through_each_door(case, door, tmp_path):
    before = pickle.dumps((case.lonlat, case.embeddings))
    through = DOORS[door]
    if case.error:
        words = [spelled(word) if door == "command" else word for word in case.error]
        refused(lambda: through(case, tmp_path, case.options), *words, kind=(ValueError, TypeError))
    elif case.warning:
        with pytest.warns(UserWarning, match="(?s)" + case.warning.replace("?", r"\?")):
            through(case, tmp_path, case.options)
    else:
        assert through(case, tmp_path, case.options) == csv_of(empirical_variogram(*case.same_as, BINS))
    if case.drops:
        kept = np.delete(np.arange(12), case.drops)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = through(case, tmp_path, {"missing": "drop"})
        # Only the command has no `dropped` to say it.
        named = [f"({', '.join(map(str, case.drops))}) were left out" in str(one.message) for one in said]
        assert named == [True] * (door == "command")
        assert found == csv_of(empirical_variogram(LONLAT[kept], VECTORS[kept], BINS))
    assert pickle.dumps((case.lonlat, case.embeddings)) == before


def test_07_radians_are_degrees_once_they_are_said_to_be_radians():
    points = points_from_arrays(np.radians(LONLAT), VECTORS, units="rad")
    np.testing.assert_allclose(points.lonlat, LONLAT, rtol=1e-15)


def test_24_the_warning_of_identical_rows_says_their_share():
    with pytest.warns(UserWarning, match=r"50\.00% of the rows \(12 of 24\)"):
        points_from_arrays(np.tile(LONLAT, (2, 1)), np.tile(VECTORS, (2, 1)))


# --- GeoDataFrames ---------------------------------------------------------------------------------------------------


def frame_of(geometry: Any, crs: str | None = "EPSG:4326") -> gpd.GeoDataFrame:
    """Return a GeoDataFrame with the vectors."""
    return gpd.GeoDataFrame({"clip": list(VECTORS)}, geometry=geometry, crs=crs)


def points_of(frame: gpd.GeoDataFrame, **options: Any) -> Any:
    """Return the points of a GeoDataFrame."""
    return points_from_geodataframe(frame, embedding="clip", **options)


def test_10_a_frame_without_a_crs_says_how_to_set_it():
    refused(lambda: points_of(frame_of(gpd.points_from_xy(*LONLAT.T), crs=None)), "no CRS", "set_crs")


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:3035", "EPSG:4267", "EPSG:4258"])
def test_11_and_13_other_crs_are_converted_and_recorded(crs):
    frame = frame_of(gpd.points_from_xy(*LONLAT.T)).to_crs(crs)
    points = points_of(frame)
    assert points.crs == crs
    np.testing.assert_allclose(points.lonlat, LONLAT, atol=1e-8)


def test_12_what_does_not_convert_is_named_by_its_rows():
    metres = [Point(1e30, 1e30) if row == 4 else Point(4e6 + 1e4 * row, 3e6) for row in range(12)]
    refused(lambda: points_of(frame_of(metres, crs="EPSG:3035")), "in 1 rows: 4", "CRS right?")


def test_14_polygons_need_a_choice_of_point():
    frame = frame_of(
        [*(Point(row).buffer(0.01) for row in LONLAT[:9]), *(LineString([r, r + 0.1]) for r in LONLAT[9:])]
    )
    refused(lambda: points_of(frame), "9 Polygon", "3 LineString", 'point="representative"')
    np.testing.assert_allclose(points_of(frame, point="representative").lonlat, LONLAT, atol=0.1)


def test_15_missing_and_empty_geometries_are_named_or_dropped():
    places = [Point(row) for row in LONLAT]
    places[2], places[6] = None, Point()
    refused(lambda: points_of(frame_of(places)), "in 2 rows: 2, 6", 'missing="drop"')
    assert points_of(frame_of(places), missing="drop").dropped == (2, 6)


def test_16_the_antimeridian_is_no_edge():
    lonlat = np.array([[179.999, 0.0], [-179.999, 0.0]])
    variogram = empirical_variogram(lonlat, VECTORS[:2], LagBins([0.1, 1]))
    assert variogram.lag[0] == pytest.approx(0.222639, abs=1e-6)
    wide = [Polygon([(179, 0), (-179, 0), (-179, 1), (179, 1)]), *(Point(row).buffer(0.01) for row in LONLAT[1:])]
    refused(lambda: points_of(frame_of(wide), point="representative"), "in 1 rows: 0", "antimeridian", "Split it")


def test_17_and_18_a_pole_is_one_place_and_an_antipode_the_longest_lag():
    poles = np.array([[90.0, 90.0], [-60.0, 90.0], [0.0, -90.0]])
    variogram = empirical_variogram(poles, VECTORS[:3], LagBins([1, 20_004]))
    assert variogram.colocated.npairs == 1
    assert variogram.lag[0] == pytest.approx(20_003.931459, abs=1e-5)
    opposite = empirical_variogram(np.array([[10.0, 0.0], [-170.0, 0.0]]), VECTORS[:2], LagBins([1, 20_004]))
    assert opposite.lag[0] == pytest.approx(20_003.931459, abs=1e-5)


# --- rows and embeddings ---------------------------------------------------------------------------------------------


def test_23_photos_of_one_place_are_counted_apart_and_printed():
    variogram = empirical_variogram(np.vstack([LONLAT, LONLAT[:3]]), RANDOM.normal(size=(15, 5)), BINS)
    assert variogram.colocated.npairs == 3
    assert "at zero lag: 3 pairs" in str(variogram)


def test_25_too_many_pairs_are_refused_before_anything_is_made():
    many = np.broadcast_to(np.float32(1.0), (40_000_000, 8))
    lonlat = np.broadcast_to(np.array([8.0, 50.0]), (40_000_000, 2))
    tracemalloc.start()
    text = refused(lambda: empirical_variogram(lonlat, many, BINS), "hours", "GB", "StratifiedPairs(")
    assert "pairs='all'" in text
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray, lambda a: np.repeat(a, 2, axis=0)[::2], lambda a: a[::-1].copy()[::-1],
        lambda a: a.astype(">f8"), lambda a: np.frombuffer(a.tobytes()).reshape(a.shape), torch.tensor,
    ],
    ids=["Fortran", "strided", "backwards", "big-endian", "read-only", "tensor"],
)  # fmt: skip
def test_26_the_layout_changes_no_bit(layout):
    lonlat, vectors = layout(LONLAT), layout(VECTORS)
    before = pickle.dumps((lonlat, vectors))
    assert csv_of(empirical_variogram(*points_from_arrays(lonlat, vectors), BINS)) == csv_of(EXPECTED)
    assert csv_of(empirical_variogram(lonlat, vectors, BINS)) == csv_of(EXPECTED)
    assert pickle.dumps((lonlat, vectors)) == before


def test_30_a_zero_vector_is_fine_where_it_has_a_meaning():
    vectors = with_entries(VECTORS, [0], 0.0)
    assert (
        empirical_variogram(LONLAT, vectors, BINS, dissimilarity="half_squared").npairs.sum() == EXPECTED.npairs.sum()
    )


def test_31_short_floats_do_not_overflow():
    large = np.full((12, 5), 60_000, np.float16)
    large[::2] *= -1
    variogram = empirical_variogram(LONLAT, large, BINS, dissimilarity="half_squared")
    assert np.nanmax(variogram.semivariance) <= 5 * 120_000.0**2 / 2
    assert np.nanmax(variogram.semivariance) > 65_504


def test_32_a_tensor_of_bfloat16_is_its_numbers():
    tensor = torch.tensor(VECTORS).bfloat16()
    found = empirical_variogram(*points_from_arrays(LONLAT, tensor), BINS)
    assert csv_of(found) == csv_of(empirical_variogram(LONLAT, tensor.double().numpy(), BINS))


def test_33_integers_with_their_formula_are_floats_and_no_data_is_missing():
    stored = np.int8(np.clip(VECTORS * 40, -127, 127))
    stored[3] = -128
    formula = lambda a: np.where(a == -128, np.nan, a / 127.5)  # noqa: E731
    refused(lambda: points_from_arrays(LONLAT, stored, dequantize=formula), "in 1 rows: 3")
    points = points_from_arrays(LONLAT, stored, dequantize=formula, missing="drop")
    assert points.dropped == (3,)
    np.testing.assert_array_equal(points.embeddings, np.delete(stored, 3, 0) / 127.5)


def test_39_a_mask_means_missing():
    masked = np.ma.MaskedArray(VECTORS, np.zeros((12, 5), bool))
    masked[[2, 5], 1] = np.ma.masked
    refused(lambda: points_from_arrays(LONLAT, masked), "2 rows: 2, 5")
    assert points_from_arrays(LONLAT, masked, missing="drop").dropped == (2, 5)


def test_40_constant_embeddings_are_no_variation_and_still_draw():
    variogram = empirical_variogram(LONLAT, ALIKE, BINS)
    assert not variogram.semivariance.any()
    fit = fit_variogram(variogram, Exponential)
    assert fit.outcome == "no variation"
    assert variogeo.plotting.plot_variogram(variogram, fit).lines


# --- bins and fits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edges", [[3, 1, 2], [1, np.nan], [-1, 2], [1, 1, 2], [0, 0], [1], []])
def test_41_bad_edges_are_refused(edges):
    assert "." in refused(lambda: LagBins(edges), "edges")


@pytest.mark.parametrize("high", [0, -5, 1, np.nan, np.inf])
@pytest.mark.parametrize("bins", [LagBins.linear, LagBins.logarithmic])
def test_41_a_longest_lag_that_is_none_is_refused(bins, high):
    refused(lambda: bins(1, high, 3), "Invalid high")


def test_42_an_empty_bin_has_no_number_and_is_left_out_of_the_fit():
    variogram = empirical_variogram(LONLAT, VECTORS, LagBins([1, 1.5, 300, 600, 900, 1200, 3000]))
    assert variogram.npairs[0] == 0
    assert np.isnan(variogram.semivariance[0])
    fit = fit_variogram(variogram, Exponential)
    assert fit.nbins == 5


def test_43_fewer_bins_than_parameters_are_said_with_both_numbers():
    fit = fit_variogram(empirical_variogram(LONLAT, VECTORS, LagBins([1, 900, 3000])), Exponential)
    assert fit.outcome == "too few bins"
    assert not fit.converged
    assert [number for number in ("2", "3") if number not in fit.message] == []


def test_44_a_variogram_without_pairs_is_refused():
    refused(lambda: empirical_variogram(LONLAT, VECTORS, LagBins([1e-3, 1e-2])), "is empty", "covering")


def test_45_no_convergence_is_a_result_with_a_text_and_a_dashed_curve():
    variogram = variogeo.variogram_from_pairs(
        np.arange(1.0, 61.0), np.arange(1.0, 61.0) ** 1.5, LagBins(np.arange(0, 61, 6))
    )
    fit = fit_variogram(variogram, Exponential)
    assert not fit.converged
    assert "." in fit.message
    styles = [line.get_linestyle() for line in variogeo.plotting.plot_variogram(variogram, fit).lines]
    assert "--" in styles


def test_46_curves_of_another_space_or_model_do_not_mix():
    other = empirical_variogram(LONLAT, VECTORS, BINS, model_id="clip")
    mine = empirical_variogram(LONLAT, VECTORS, BINS, model_id="dino")
    refused(lambda: mine + other, "dino", "clip")
    wide = empirical_variogram(LONLAT, np.hstack([VECTORS, VECTORS]), BINS)
    refused(lambda: wide + EXPECTED, "10", "5")
    scheme = variogeo.ResidualWeighting(Exponential(0.01, 0.02, 500.0))
    coords, feats = torch.tensor(np.tile(LONLAT, (4, 1))), torch.tensor(RANDOM.normal(size=(48, 64)))
    weights = NegativeWeights(scheme, order="lonlat", units="deg")
    refused(lambda: weights.log_weights(coords, coords, feats, feats), "another space than the curve's")
    narrow = NegativeWeights(scheme, order="lonlat", units="deg", feature_width=64)
    refused(
        lambda: narrow.log_weights(coords, coords, feats[:, :9], feats[:, :9]), "64", "9", kind=(ValueError, TypeError)
    )
    metres = np.array([1e3, 5e6])
    for given in (
        lambda: scheme(metres, np.zeros(2)), lambda: variogeo.NearWeighting(strength=1.0, scale=100.0)(metres),
        lambda: variogeo.DecorrelationWeighting(scheme.model)(metres),
        lambda: variogeo.MaskWeighting(within=5.0)(metres),
    ):  # fmt: skip
        refused(given, "Invalid lag '5e+06'", "Metres? Divide them by 1000.")
    assert np.isfinite(scheme(np.array([20_015.0]), np.zeros(1))).all()


# --- files -----------------------------------------------------------------------------------------------------------


def table_of(**columns: Any) -> pa.Table:
    """Return a plain table of the points."""
    return pa.table({"lon": LONLAT[:, 0], "lat": LONLAT[:, 1], "clip": list(VECTORS), **columns})


@pytest.fixture
def parquet(tmp_path):
    """Return a plain Parquet file with checksums."""
    path = tmp_path / "photos.parquet"
    pq.write_table(table_of(), path, write_page_checksum=True, compression="none")
    return path


@pytest.mark.parametrize("length", [0, 3, 100, -20, -1])
def test_47_a_truncated_table_is_one_error(parquet, length):
    parquet.write_bytes(parquet.read_bytes()[:length])
    refused(lambda: read_points(parquet, embedding="clip"), str(parquet), kind=DataError, inside=parquet.parent)


def test_48_a_flipped_bit_is_found_where_there_is_a_checksum(parquet):
    raw = bytearray(parquet.read_bytes())
    raw[raw.find(VECTORS[5].tobytes()) + 3] ^= 4
    parquet.write_bytes(raw)
    refused(lambda: read_points(parquet, embedding="clip"), str(parquet), kind=DataError, inside=parquet.parent)


def test_49_a_table_without_places_lists_its_columns(tmp_path):
    pq.write_table(pa.table({"a": [1.0], "clip": [[1.0]]}), tmp_path / "t.parquet")
    refused(lambda: read_points(tmp_path / "t.parquet", embedding="clip"), "a, clip", kind=DataError, inside=tmp_path)


def test_50_null_vectors_are_counted_and_never_shift_rows(tmp_path):
    vectors = [None if row in (2, 7) else list(VECTORS[row]) for row in range(12)]
    pq.write_table(pa.table({"lon": LONLAT[:, 0], "lat": LONLAT[:, 1], "clip": vectors}), tmp_path / "t.parquet")
    for read in (read_points, open_points):
        refused(
            lambda read=read: read(tmp_path / "t.parquet", embedding="clip"),
            "2 rows: 2, 7",
            kind=DataError,
            inside=tmp_path,
        )
    points = read_points(tmp_path / "t.parquet", embedding="clip", missing="drop")
    assert points.dropped == (2, 7)
    np.testing.assert_array_equal(points.embeddings, np.delete(VECTORS, [2, 7], 0))


MODEL = {"class": "Exponential", "nugget": 0.1, "partial_sill": 1.0, "effective_range": 2.0}


class Armed:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_51_objects_in_an_archive_are_not_made(tmp_path):
    sprung = tmp_path / "sprung"
    np.savez(tmp_path / "t.npz", lonlat=LONLAT, clip=np.array([Armed(sprung)] * 12, dtype=object))
    refused(
        lambda: read_points(tmp_path / "t.npz", embedding="clip"), "never unpickles", kind=DataError, inside=tmp_path
    )
    assert not sprung.exists()


def test_52_a_bomb_is_refused_before_it_is_read(tmp_path):
    np.savez_compressed(tmp_path / "t.npz", lonlat=np.zeros((4_000_000, 2)), clip=np.zeros((4_000_000, 3), np.float32))
    refused(
        lambda: read_points(tmp_path / "t.npz", embedding="clip"), "says that it holds", kind=DataError, inside=tmp_path
    )


def test_53_a_map_that_does_not_fit_its_file_is_refused(tmp_path):
    VECTORS.astype("<f4").tofile(tmp_path / "t.f32")
    refused(
        lambda: open_embeddings(tmp_path / "t.f32", shape=(13, 5), dtype="float32"),
        "240 bytes",
        kind=DataError,
        inside=tmp_path,
    )
    refused(
        lambda: open_embeddings(tmp_path / "t.f32", shape=(12, 5), dtype="float64"),
        "float32",
        kind=DataError,
        inside=tmp_path,
    )


@pytest.mark.parametrize("suffix", [".pkl", ".pt", ".pth", ".joblib", ".json"])
def test_54_a_pickle_as_a_model_is_refused_with_the_way_to_export_it(tmp_path, suffix):
    path, sprung = tmp_path / f"model{suffix}", tmp_path / "sprung"
    path.write_bytes(pickle.dumps(Armed(sprung)))
    refused(lambda: variogeo.load(path), "never unpickles", 'model.save("model.json")', kind=DataError)
    assert not sprung.exists()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"format":"variogeo.model","schema":1,"value":NaN}', "it holds NaN"), ('{"a":1e400}', "it holds 1e400"),
        ('{"a":1,"a":2}', "the same key twice"), ("[" * 100_000, "more than 100 lists"),
        (" " * (64 * 2**20 + 1), "more than 64 MB"),
        (dump_document("model", {"value": {**MODEL, "more": 1.0}}), "'more'"),
        (dump_document("model", {"value": {**MODEL, "nugget": "0.1"}}), "Invalid nugget '0.1'. Must be a number"),
        (dump_document("model", {"value": {**MODEL, "nugget": -0.1}}), "Invalid nugget '-0.1'. Must be at least 0"),
    ],
    ids=["NaN", "infinite", "twice", "deep", "large", "unknown key", "wrong type", "negative"],
)  # fmt: skip
def test_55_hostile_documents_are_refused_each_in_its_words(tmp_path, text, word):
    (tmp_path / "model.json").write_text(text)
    refused(lambda: variogeo.load(tmp_path / "model.json"), "model.json", word, kind=DataError, inside=tmp_path)


def test_56_a_newer_schema_says_to_upgrade_and_an_older_one_is_read(tmp_path):
    from variogeo import _storage

    Exponential(0.1, 0.2, 3.0).save(tmp_path / "model.json")
    raw = json.loads((tmp_path / "model.json").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_storage, "SCHEMA", raw["schema"] - 1)
        refused(
            lambda: variogeo.load(tmp_path / "model.json"),
            "was written by schema",
            "Upgrade",
            kind=DataError,
            inside=tmp_path,
        )
        Exponential(0.1, 0.2, 3.0).save(tmp_path / "older.json")
    assert variogeo.load(tmp_path / "older.json") == Exponential(0.1, 0.2, 3.0)


def test_57_outputs_do_not_follow_links_and_do_not_replace_devices(tmp_path):
    target = tmp_path / "target.json"
    target.write_text("mine")
    (tmp_path / "link.json").symlink_to(target)
    Exponential(0.1, 0.2, 3.0).save(tmp_path / "link.json", overwrite=True)
    assert target.read_text() == "mine"
    refused(lambda: Exponential(0.1, 0.2, 3.0).save("/dev/null"), kind=OSError)
    refused(lambda: Exponential(0.1, 0.2, 3.0).save(tmp_path, overwrite=True), kind=OSError, inside=tmp_path)
    refused(lambda: read_points(tmp_path, embedding="clip"), kind=OSError, inside=tmp_path)
    (tmp_path / "file").write_text("mine")
    np.savez(tmp_path / "photos.npz", lonlat=LONLAT, clip=VECTORS)
    words = ["fit", str(tmp_path / "photos.npz"), "--embedding", "clip", "--out", str(tmp_path / "file")]
    code, text = run_command(words)
    assert (code, (tmp_path / "file").read_text()) == (1, "mine"), text


# --- texts and mixtures ----------------------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script>${7*7}`x`$\\frac{a}{b}$\n</style>&amp;" + "n" * 10_000


def test_58_text_of_the_user_is_shown_literally_in_pages_and_plots(tmp_path):
    points = points_from_arrays(LONLAT, VECTORS, model_id=HOSTILE, groups=np.array([HOSTILE, "b"] * 6))
    variogram = empirical_variogram(*points, BINS, model_id=HOSTILE)
    page = variogeo.report(LONLAT, VECTORS, tmp_path / "r.html", title=HOSTILE, model_id=HOSTILE, bins=BINS)
    for html in (points._repr_html_(), page.read_text("utf-8")):
        assert "<script>alert(1)" not in html
        shown = "&lt;script&gt;alert(1)&lt;/script&gt;${7*7}`x`$\\frac{a}{b}$ &lt;/style&gt;&amp;amp;nnn"
        assert shown in html.replace("\n", " ")
    assert HOSTILE[-500:] not in points._repr_html_()
    ax = variogeo.plotting.plot_comparison({HOSTILE: variogram, "after": variogram})
    ax.figure.canvas.draw()  # mathematics that cannot be set would fail here
    assert ax.get_legend().get_texts()[0].get_text().startswith("<script>alert(1)</script>\\${7*7}")


def test_59_a_geometry_and_columns_that_disagree_are_refused_with_the_largest_gap(tmp_path):
    frame = frame_of(gpd.points_from_xy(*LONLAT.T)).assign(lon=LONLAT[:, 0], lat=LONLAT[:, 1] + [*[0.0] * 11, 2.0])
    frame.to_parquet(tmp_path / "t.parquet")
    words = ("up to 222.4 km", "most in row 11", "Which is right?")  # two degrees of latitude
    refused(lambda: points_of(frame), *words)
    for read in (read_points, open_points):
        call = lambda read=read: read(tmp_path / "t.parquet", embedding="clip")  # noqa: E731
        refused(call, *words, kind=DataError, inside=tmp_path)


@pytest.mark.parametrize("vectors", [VECTORS[:, :3], VECTORS.astype(np.float32)], ids=["width", "dtype"])
def test_60_parts_that_differ_are_both_named(tmp_path, vectors):
    pq.write_table(table_of(), tmp_path / "a.parquet")
    other = pa.table({"lon": LONLAT[:, 0], "lat": LONLAT[:, 1], "clip": list(vectors)})
    pq.write_table(other, tmp_path / "b.parquet")
    words = ("a.parquet", "b.parquet")
    refused(lambda: open_points(tmp_path, embedding="clip"), *words, kind=DataError, inside=tmp_path)


def test_60_parts_of_another_crs_are_both_named(tmp_path):
    frame = frame_of(gpd.points_from_xy(*LONLAT.T))
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_crs("EPSG:3857").to_parquet(tmp_path / "b.parquet")
    words = ("a.parquet", "b.parquet", "another CRS")
    refused(lambda: open_points(tmp_path, embedding="clip"), *words, kind=DataError, inside=tmp_path)


def test_all_sixty_are_here():
    named = {case.number for case in NUMBERS}
    for name in globals():
        named |= {int(part) for part in name.split("_") if name.startswith("test_") and part.isdigit()}
    assert named == set(range(1, 61))
