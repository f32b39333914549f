"""PointEmbeddings: what it holds, what it refuses, and that it stays as it was made."""

import copy
import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest

from variogeo import LagBins, PointEmbeddings, datasets, empirical_variogram
from variogeo._rows import RowSource, SomeRows

LONLAT = np.array([[8.0, 50.0], [200.0, -10.0], [9.0, 51.0]])
VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2) + 1


def test_points_unpack_into_two_arrays_and_count_their_rows() -> None:
    points = PointEmbeddings(LONLAT, VECTORS)
    lonlat, embeddings = points
    assert lonlat.tolist() == [[8.0, 50.0], [-160.0, -10.0], [9.0, 51.0]]  # wrapped
    assert embeddings.base is VECTORS  # a view, no copy
    assert embeddings.dtype == np.float32
    assert len(points) == 3
    assert (points.groups, points.model_id, points.crs, points.dropped) == (None, None, None, ())


def test_a_variogram_takes_points_as_they_are() -> None:
    points = PointEmbeddings(LONLAT, VECTORS, model_id="clip")
    with_bins = empirical_variogram(*points, LagBins([1, 20_000]), model_id=points.model_id)
    assert with_bins.npairs.tolist() == [3]
    assert (with_bins.model_id, with_bins.width) == ("clip", 2)
    near = PointEmbeddings([[8.0, 50.0], [8.1, 50.0], [9.0, 50.5], [11.0, 51.0]], np.eye(4))
    assert empirical_variogram(*near).bins == LagBins.covering(near.lonlat)


def test_nothing_of_it_can_be_changed_and_the_callers_arrays_stay_writable() -> None:
    given, vectors, groups = LONLAT.copy(), VECTORS.copy(), np.array(["a", "b", "a"])
    points = PointEmbeddings(given, vectors, groups=groups, dropped=[2, 5])
    assert points.dropped == (2, 5)
    for array in (points.lonlat, points.embeddings, points.groups):
        assert not array.flags.writeable
    assert given.flags.writeable
    assert vectors.flags.writeable
    given[0] = groups[0] = 0  # it holds copies of both
    assert points.lonlat[0].tolist() == [8.0, 50.0]
    assert points.groups.tolist() == ["a", "b", "a"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        points.model_id = "other"  # type: ignore[misc]


def test_it_is_replaced_copied_and_sent_whole() -> None:
    points = PointEmbeddings(LONLAT, VECTORS, groups=[1, 2, 3], model_id="clip", crs="EPSG:32632", dropped=(4,))
    for other in (pickle.loads(pickle.dumps(points)), copy.deepcopy(points), dataclasses.replace(points)):
        assert all(np.array_equal(*arrays) for arrays in zip(points, other, strict=True))
        assert other.groups.tolist() == [1, 2, 3]
        assert (other.model_id, other.crs, other.dropped) == ("clip", "EPSG:32632", (4,))
    assert repr(points) == (
        "<PointEmbeddings: 3 points, embeddings (3, 2) float32, groups, model_id='clip', crs='EPSG:32632', "
        "1 rows dropped>"
    )


def test_labels_that_are_masked_are_none() -> None:
    labels = np.ma.MaskedArray([2**60, 2**60 + 1, 7], [False, False, True])
    assert PointEmbeddings(LONLAT, VECTORS, groups=labels).groups.tolist() == [2**60, 2**60 + 1, None]
    whole = np.ma.MaskedArray([1, 2, 3])
    assert PointEmbeddings(LONLAT, VECTORS, groups=whole).groups.tolist() == [1, 2, 3]


def test_memory_maps_and_row_sources_stay_where_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", VECTORS)
    mapped = np.load(tmp_path / "clip.npy", mmap_mode="r")
    points = PointEmbeddings(LONLAT, mapped)
    assert isinstance(points.embeddings, np.memmap)
    source = SomeRows(mapped, np.array([0, 2]))
    points = PointEmbeddings(LONLAT[:2], source)  # type: ignore[arg-type]
    assert points.embeddings is source
    assert isinstance(points.embeddings, RowSource)
    with pytest.raises(ValueError, match="embeddings has 2 rows but lonlat has 3"):
        PointEmbeddings(LONLAT, source)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"lonlat": LONLAT[:2]}, ValueError, "embeddings has 3 rows but lonlat has 2. One row per photo in both."),
        ({"lonlat": LONLAT[:, ::-1] * 10}, ValueError, "which are not degrees"),
        ({"embeddings": VECTORS[0]}, ValueError, "Invalid embeddings of shape (2,). Must be (n, d)"),
        ({"embeddings": VECTORS[:, :0]}, ValueError, "Invalid embeddings of shape (3, 0). Must be (n, d)"),
        ({"embeddings": VECTORS.astype(np.int8)}, TypeError, "Invalid embeddings of dtype int8. Must be floats"),
        ({"groups": ["a", "b"]}, ValueError, "groups has 2 rows but lonlat has 3. One row per point in both."),
        ({"groups": [["a"]] * 3}, ValueError, "Invalid groups of shape (3, 1). Must be (n,): one label per point."),
        ({"groups": "abc"}, TypeError, "Invalid groups 'abc': a text. Pass the column itself, e.g. table['abc']."),
        (
            {"groups": np.float32([3, 2**24, 2**24 - 1])},
            ValueError,
            "Invalid groups: floats of 2^24 and more in 1 rows: 1.",
        ),
        (
            {"groups": [np.nan, 2.0**53, -(2.0**60)]},
            ValueError,
            "Invalid groups: floats of 2^53 and more in 2 rows: 1, 2.",
        ),
        ({"model_id": 3}, TypeError, "Invalid model_id of type int. Must be text, or None for not known."),
        ({"model_id": " "}, ValueError, "Invalid model_id ' '. Must be text, or None for not known."),
        ({"crs": 4326}, TypeError, "Invalid crs of type int"),
        ({"dropped": (3, 3)}, ValueError, "Invalid dropped 3, 3. Must be row numbers, increasing."),
        ({"dropped": (-1,)}, ValueError, "Invalid dropped '-1'. Must be a whole number of at least 0."),
        ({"dropped": (1.5,)}, ValueError, "Invalid dropped '1.5'. Must be a whole number"),
        ({"dropped": 3}, TypeError, "Invalid dropped of type int. Must be row numbers, increasing."),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as caught:
        PointEmbeddings(**{"lonlat": LONLAT, "embeddings": VECTORS, **changes})  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_the_bundled_photos_are_points() -> None:
    photos = datasets.geoclip_photos()
    assert len(photos) == 2500
    assert not photos.embeddings.flags.writeable
