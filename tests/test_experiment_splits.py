"""Photos of the experiment: places, splits by blocks, queries and gallery."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from small_experiment import (  # noqa: E402
    WIDE,
    simulated_split,
)

from variogeo import DataError, PointEmbeddings  # noqa: E402
from variogeo.datasets import geoclip_photos  # noqa: E402
from variogeo.evaluation import geolocation_error  # noqa: E402
from variogeo.experiments import (  # noqa: E402
    BlockSizes,
    _places,
)
from variogeo.experiments._blocks import effective_blocks, some_per_block  # noqa: E402
from variogeo.experiments._splits import SplitPhotos  # noqa: E402


@pytest.fixture(scope="module")
def split():
    return simulated_split()


def test_no_held_out_block_holds_a_training_photo(split):
    places = {tuple(place) for place in split.train.lonlat}
    photos = np.vstack([split.train.lonlat, *(q.lonlat for q in split.queries.values())])
    large, small = (_runs_of_cells(photos, km) for km in (WIDE.new, WIDE.known))
    count = len(split.train.lonlat)
    for name, queries in split.queries.items():
        rows = [k for k in range(count, len(photos)) if tuple(photos[k]) in {tuple(p) for p in queries.lonlat}]
        cells = large if name.endswith("new") else small
        assert not set(cells[:count]) & set(cells[rows])
        assert not {tuple(place) for place in queries.lonlat} & places


def _runs_of_cells(lonlat, km):
    from variogeo.inference import cell_patches

    return cell_patches(lonlat, km)


def test_queries_of_known_regions_lie_beside_training_photos_and_those_of_new_regions_do_not(split):
    from variogeo.evaluation import nearest_places

    far = {}
    for name, queries in split.queries.items():
        nearest = nearest_places(queries.lonlat, split.train.lonlat)
        far[name] = np.median(geolocation_error(nearest, queries.lonlat))
    assert far["test known"] < far["test new"]
    assert far["validation known"] < far["validation new"]


def test_no_block_has_more_queries_than_the_cap(split):
    assert max(np.bincount(queries.blocks).max() for queries in split.queries.values()) <= WIDE.queries_per_block


def test_the_gallery_holds_training_places_only(split):
    training = {tuple(place) for place in split.train.lonlat}
    assert len(split.gallery) == 400
    assert all(tuple(place) in training for place in split.gallery)


def test_photos_of_too_few_blocks_are_refused_with_the_cure():
    lonlat = np.random.default_rng(0).uniform(0, 0.5, (50, 2))
    photos = PointEmbeddings(lonlat, np.ones((50, 4), dtype=np.float32))
    with pytest.raises(DataError, match=r"too few to hold any out for validation new.*--blocks"):
        SplitPhotos.split(photos, source="a town", is_simulated=False, blocks=BlockSizes())


def test_blocks_of_new_regions_are_larger_than_those_of_known_ones():
    with pytest.raises(ValueError, match="Invalid new '5"):
        BlockSizes(known=5.0, new=5.0)


def test_the_effective_number_of_blocks_is_that_of_equal_ones():
    assert effective_blocks(np.repeat(np.arange(7), 4)) == pytest.approx(7.0)
    # (90 + 10 * 1)^2 / (90^2 + 10 * 1): one block rules.
    assert effective_blocks(np.repeat(np.arange(11), [90] + [1] * 10)) == pytest.approx(100**2 / (90**2 + 10))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(1, 5))
def test_a_cap_keeps_every_block_and_no_more_than_the_cap(blocks, most):
    blocks = np.array(blocks)
    kept = some_per_block(np.arange(len(blocks)), blocks, most=most)
    assert set(blocks[kept]) == set(blocks)
    assert np.bincount(blocks[kept]).max() <= most


def test_photos_all_of_whose_blocks_hold_training_photos_leave_no_queries_and_are_refused():
    # A hundred places, each in a large block of its own: those held out as new leave small blocks, too few for a share.
    lonlat = np.column_stack([np.linspace(-170, 170, 10), np.zeros(10)])
    photos = PointEmbeddings(lonlat, np.ones((10, 4), dtype=np.float32))
    with pytest.raises(
        DataError, match="The photos fill 8 blocks of 5 km: too few to hold any out for validation known"
    ):
        SplitPhotos.split(photos, source="ten towns", is_simulated=False, blocks=BlockSizes())


def test_bundled_places_are_drawn_evenly():
    places = _places.PhotoPlaces.bundled(5000, seed=1)
    assert np.bincount(places.position).tolist() == [2] * 2500
    assert "geoclip is not installed" in places.source
    moved = geolocation_error(places.points.lonlat[places.position], places.lonlat)
    assert 0.1 < np.median(moved) < moved.max() < 0.51


def test_gallery_places_are_those_of_geoclip_and_a_tenth_is_shot_again():
    pytest.importorskip("geoclip", reason="the package geoclip is not installed")
    if not _places._has_geoclip():
        pytest.skip("geoclip does not load here")
    places = _places.PhotoPlaces.of_gallery(400, seed=2)
    first, again = places.lonlat[:360], places.lonlat[360:]
    from variogeo.evaluation import nearest_places

    assert geolocation_error(nearest_places(again, first), again).max() < 0.51
    assert len(np.unique(first, axis=0)) == 360
    # The bundled embeddings are what the same encoder returns, as float16.
    bundled = geoclip_photos()
    made = _places._location_embeddings(bundled.lonlat[:20])
    np.testing.assert_allclose(made, bundled.embeddings[:20], atol=2e-4)
    with pytest.raises(ValueError, match="Must be at most 104581"):
        _places.PhotoPlaces.of_gallery(120_000)


def test_without_geoclip_the_bundled_places_are_used(monkeypatch):
    monkeypatch.setattr(_places.importlib.util, "find_spec", lambda _: None)
    assert "bundled" in _places.photo_places(10).source
