"""`variogeo.check`: what it finds in good and in bad data."""

import json

import numpy as np
import pytest

import variogeo
from variogeo import check, datasets
from variogeo._usable_lags import suggested_bins
from variogeo.checkup import Finding


def points(n=60, width=8, seed=0):
    """Return points in Germany with normalised embeddings."""
    random = np.random.default_rng(seed)
    lonlat = np.column_stack((random.uniform(7, 13, n), random.uniform(48, 53, n)))
    embeddings = random.normal(size=(n, width))
    return lonlat, embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def found(checkup, name):
    """Return the one finding of a name."""
    [finding] = [finding for finding in checkup.findings if finding.name == name]
    return finding


def names(checkup):
    return [finding.name for finding in checkup.findings]


def test_good_points_have_no_findings():
    checkup = check(*points())
    assert checkup.ok
    assert checkup.findings == ()
    assert "Nothing to complain about." in str(checkup)
    assert "Nothing to complain about." in checkup.to_html()
    assert (checkup.rows, checkup.usable_rows, checkup.width, checkup.dtype) == (60, 60, 8, "float64")
    assert checkup.norms is not None
    assert checkup.norms.normalised
    assert dict(checkup.facts)["embeddings"] == "8 x float64, normalised"
    assert repr(checkup) == "<Checkup: 60 rows, 0 errors, 0 warnings, 0 notes>"


# Which of the two arrays is written to, where, and what.
BAD_ROWS = {
    "missing coordinates": (0, (4, 1), np.nan),
    "missing embeddings": (1, (4, 2), np.inf),
    "zero vectors": (1, 4, 0.0),
    "latitude beyond 90": (0, (4, 1), -90.5),
    "longitude beyond 360": (0, (4, 0), 361.0),
    "not degrees": (0, 4, [4e5, 5e6]),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_an_error_with_its_number_and_no_exception(name):
    lonlat, embeddings = points()
    array, place, value = BAD_ROWS[name]
    (lonlat, embeddings)[array][place] = value
    before = lonlat.tobytes(), embeddings.tobytes()
    checkup = check(lonlat, embeddings)
    assert (lonlat.tobytes(), embeddings.tobytes()) == before
    assert names(checkup) == [name]
    finding = found(checkup, name)
    assert finding.level == "error"
    assert finding.rows.tolist() == [4]
    assert "in row 4" in finding.text
    assert not checkup.ok
    assert checkup.usable_rows == 59
    # Only what a door can drop has a next line.
    assert bool(checkup.next_lines) == (name.startswith("missing") or name == "zero vectors")
    assert all("points" in line or "bins" in line for line in checkup.next_lines)


def test_masked_rows_are_missing():
    lonlat, embeddings = points()
    mask = np.zeros(lonlat.shape, bool)
    mask[[2, 7], 0] = True
    checkup = check(np.ma.array(lonlat, mask=mask), np.ma.array(embeddings, mask=False))
    assert found(checkup, "missing coordinates").rows.tolist() == [2, 7]
    whole = np.ma.array(np.ones((3, 2), np.int8), mask=[[0, 0], [1, 0], [0, 0]])
    assert found(check(points(3)[0], whole), "missing embeddings").rows.tolist() == [1]


def test_projected_and_e7_coordinates_are_told_apart():
    lonlat, embeddings = points()
    assert "Projected metres?" in found(check(lonlat * 1e5, embeddings), "not degrees").text
    e7 = found(check(np.round(lonlat * 1e7).astype(np.int32), embeddings), "not degrees")
    assert 'units="e7"' in e7.text
    assert len(e7.rows) == 60


def test_without_a_single_place_there_is_still_a_checkup():
    checkup = check(np.full((20, 2), np.nan), np.zeros((20, 4), np.float32))
    assert names(checkup) == ["missing coordinates", "zero vectors"]
    assert (checkup.extent, checkup.lags, checkup.norms, checkup.places) == (None, None, None, 0)
    assert "<svg" not in checkup.to_html()
    json.dumps(checkup.to_json(), allow_nan=False)
    assert "What each way costs" not in str(checkup)


def test_no_rows_are_an_error():
    checkup = check(np.empty((0, 2)), np.empty((0, 3)))
    assert names(checkup) == ["no rows"]
    assert (checkup.rows, checkup.ways) == (0, ())


def test_one_place_is_an_error():
    _, embeddings = points(5)
    checkup = check(np.full((5, 2), 10.0), embeddings)
    assert names(checkup) == ["one place", "same place"]
    assert found(checkup, "one place").text.startswith("5 rows at one place")
    assert found(checkup, "same place").level == "warning"
    assert checkup.extent is not None
    assert checkup.extent.largest_lag == 0
    one = check(np.full((1, 2), 10.0), embeddings[:1])
    assert found(one, "one place").text.startswith("1 row at one place")


def test_few_points_are_a_warning():
    # 8 places form 28 pairs, 9 form 36.
    assert names(check(*points(8))) == ["few points"]
    assert names(check(*points(9))) == []
    assert check(*points(8)).next_lines == ()


def test_swapped_columns_are_a_warning_unless_the_land_is_not_asked():
    lonlat, embeddings = points()
    # Off Somalia and on it.
    swapped = lonlat[:, ::-1]
    assert found(check(swapped, embeddings), "swapped columns").level == "warning"
    assert check(swapped, embeddings, check_land=False).findings == ()
    # Columns that cannot be what they say are no evidence.
    swapped = np.append(swapped, [[0.0, 100.0]], axis=0)
    assert names(check(swapped, np.append(embeddings, embeddings[:1], axis=0))) == ["latitude beyond 90"]


def test_radians_are_a_warning():
    lonlat, embeddings = points()
    checkup = check(np.radians(lonlat), embeddings)
    assert names(checkup) == ["radians"]
    assert 'units="rad"' in checkup.findings[0].text
    assert "radians" not in names(check(np.radians(lonlat[:9]), embeddings[:9]))


def test_null_island_is_a_warning_and_no_radians():
    lonlat, embeddings = points()
    lonlat[[1, 8]] = 0.0
    checkup = check(lonlat, embeddings)
    assert found(checkup, "null island").rows.tolist() == [1, 8]
    lonlat[:] = 0.0
    assert "radians" not in names(check(lonlat, embeddings))


def test_shared_places_are_counted_and_identical_rows_are_a_warning():
    lonlat, embeddings = points()
    lonlat[[10, 20, 30]] = lonlat[5]
    embeddings[20] = embeddings[5]
    embeddings[40] = embeddings[5]  # elsewhere
    checkup = check(lonlat, embeddings)
    assert (checkup.places, checkup.same_place_rows, checkup.identical_rows) == (57, 4, 1)
    assert found(checkup, "same place").rows.tolist() == [5, 10, 20, 30]
    assert found(checkup, "same place").level == "note"
    assert dict(checkup.facts)["places"] == "57; 6.7% of the rows share theirs with another"
    assert found(checkup, "identical rows").rows.tolist() == [20]
    assert found(checkup, "identical rows").level == "warning"


def test_one_place_may_be_spelled_in_several_ways():
    lonlat, embeddings = points(4)
    lonlat[:] = [[180, 10], [-180, 10], [20, 90], [70, 90]]
    assert check(lonlat, embeddings).places == 2


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "g"])
def test_identical_rows_are_found_in_every_dtype_and_width(dtype):
    for width in (1, 3, 5, 8):
        lonlat, embeddings = points(30, width)
        lonlat[21] = lonlat[3]
        entries = (embeddings + 2).astype(dtype)
        entries[21] = entries[3]
        assert check(lonlat, entries).identical_rows == 1
        entries[21, -1] += 1
        assert check(lonlat, entries).identical_rows == 0
        if width > 1:
            entries[21] = entries[3, ::-1]
            assert check(lonlat, entries).identical_rows == 0


def test_integer_embeddings_are_an_error():
    lonlat, embeddings = points()
    checkup = check(lonlat, (100 * embeddings).astype(np.int8))
    assert found(checkup, "integer embeddings").level == "error"
    assert "dequantize=" in found(checkup, "integer embeddings").text
    assert checkup.next_lines == ()


def test_constant_embeddings_are_a_warning_whatever_their_norms():
    lonlat, embeddings = points()
    alike = np.linspace(1, 2, 60)[:, None] * embeddings[0]
    assert names(check(lonlat, alike)) == ["constant embeddings", "not normalised"]
    alike[7, 0] += 0.01
    assert "constant embeddings" not in names(check(lonlat, alike))


def test_columns_that_never_vary_are_a_note():
    lonlat, embeddings = points()
    embeddings[:, [1, 4]] = 0.0
    assert found(check(lonlat, embeddings), "constant columns").text.startswith("2 of 8 columns")


def test_one_column_is_a_warning():
    lonlat, embeddings = points(width=1)
    assert names(check(lonlat, embeddings)) == ["one column"]


def test_norms_are_those_of_numpy_and_large_entries_do_not_overflow():
    lonlat, embeddings = points()
    embeddings *= np.linspace(1, 5, 60)[:, None]
    checkup = check(lonlat, embeddings.astype(np.float32))
    norms = np.linalg.norm(embeddings.astype(np.float32).astype(np.float64), axis=1)
    assert checkup.norms is not None
    assert not checkup.norms.normalised
    assert checkup.norms.smallest == pytest.approx(norms.min(), rel=1e-12)
    assert checkup.norms.median == pytest.approx(np.median(norms), rel=1e-12)
    assert checkup.norms.largest == pytest.approx(norms.max(), rel=1e-12)
    large = check(lonlat, np.sign(embeddings) * 1.5e308)
    assert large.norms is not None
    assert large.norms.largest == np.finfo(np.float64).max
    json.dumps(large.to_json(), allow_nan=False)


def test_groups_are_counted_and_few_or_large_ones_noted():
    lonlat, embeddings = points()
    even = check(lonlat, embeddings, groups=np.arange(60) % 12)
    assert even.groups is not None
    assert (even.groups.count, even.groups.share) == (12, 5 / 60)
    assert even.findings == ()
    labels = ["a"] * 40 + [None] * 5 + ["b"] * 15
    uneven = check(lonlat, embeddings, groups=labels)
    assert uneven.groups is not None
    assert (uneven.groups.count, uneven.groups.largest, uneven.groups.share) == (2, "a", 40 / 60)
    assert found(uneven, "missing labels").rows.tolist() == [40, 41, 42, 43, 44]
    assert "67%" in found(uneven, "few groups").text
    assert check(lonlat, embeddings, groups=[None] * 60).groups is None


def test_a_grid_is_noted_as_chips_that_may_overlap():
    side = 50 + 0.05 * np.arange(12)
    lonlat = np.column_stack([axis.ravel() for axis in np.meshgrid(side - 40, side)])
    _, embeddings = points(144)
    checkup = check(lonlat, embeddings)
    assert names(checkup) == ["overlapping chips"]
    assert checkup.lags is not None
    # 0.05 degrees of longitude at 50 to 50.55 degrees north.
    assert checkup.lags.spacing == pytest.approx(0.05 * 111.195 * np.cos(np.radians(50.3)), rel=0.01)
    assert "overlapping chips" not in names(check(*points(144)))


@pytest.mark.parametrize(
    ("lonlat", "embeddings", "message"),
    [
        (np.zeros(4), np.ones((4, 2)), "lonlat of shape"),
        (np.zeros((4, 3)), np.ones((4, 2)), "lonlat of shape"),
        (np.zeros((4, 2)), np.ones(4), "embeddings of shape"),
        (np.zeros((4, 2)), np.ones((4, 0)), "embeddings of shape"),
        (np.zeros((4, 2)), np.ones((3, 2)), "embeddings has 3 rows but lonlat has 4"),
        ([[1, 2], [3]], np.ones((2, 2)), "row 1 has shape"),
    ],
)
def test_what_has_not_the_shape_is_refused(lonlat, embeddings, message):
    with pytest.raises(ValueError, match=message):
        check(lonlat, embeddings)


def test_what_holds_no_numbers_is_refused():
    lonlat, embeddings = points()
    for bad in (embeddings.astype(str), embeddings.astype(complex), embeddings > 0, embeddings.astype(object)):
        with pytest.raises(TypeError, match="embeddings of dtype"):
            check(lonlat, bad)
    geopandas = pytest.importorskip("geopandas")
    with pytest.raises(TypeError, match="points_from_geodataframe"):
        check(geopandas.GeoDataFrame(), embeddings)


def test_points_are_accepted_as_the_doors_return_them():
    photos = datasets.geoclip_photos()
    assert names(check(*photos)) == ["not normalised"]


def test_the_lags_are_those_of_the_rows_that_have_an_embedding():
    lonlat, embeddings = points()
    far, vectors = np.vstack([lonlat, [[150.0, -30.0], [-150.0, 30.0]]]), np.vstack([embeddings, np.zeros((2, 8))])
    vectors[-1] = np.nan
    checkup = check(far, vectors, check_land=False)
    assert checkup.lags == check(lonlat, embeddings).lags
    assert checkup.places == 62
    assert checkup.extent.largest_lag > 10_000
    scope = {"variogeo": variogeo, "lonlat": far, "embeddings": vectors}
    exec("\n".join(checkup.next_lines), scope)
    assert scope["empirical"].bins == suggested_bins(lonlat)
    alone = check(lonlat[:5], np.vstack([embeddings[:3], np.zeros((2, 8))]))
    assert "3 places with an embedding: fewer than 30 pairs." in found(alone, "few points").text


def test_the_next_lines_run():
    lonlat, embeddings = points()
    lines = check(lonlat, embeddings).next_lines
    scope = {"variogeo": variogeo, "lonlat": lonlat, "embeddings": embeddings}
    exec("\n".join(lines), scope)
    assert scope["empirical"].npairs.min() >= 30
    embeddings[3] = np.nan
    lines = check(lonlat, embeddings).next_lines
    assert 'missing="drop"' in lines[0]
    exec("\n".join(lines), scope)
    assert scope["empirical"].npairs.min() >= 30


def test_a_finding_has_a_level_of_three_and_rows_that_stay():
    finding = Finding("note", "name", "text", [1, 2])
    assert (str(finding), repr(finding)) == ("note: name: text", "<Finding note: name: text>")
    with pytest.raises(ValueError, match="read-only"):
        finding.rows[0] = 5
    with pytest.raises(ValueError, match="Invalid level 'bad'"):
        Finding("bad", "name", "text")
    many = Finding("note", "name", "text", np.arange(50))
    assert many.to_json() == {"level": "note", "name": "name", "text": "text", "count": 50, "rows": list(range(20))}
