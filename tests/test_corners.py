"""Corners that a review found: outliers, row groups, large places, values on a device."""

import numpy as np
import pytest

from variogeo import LagBins, StratifiedPairs, empirical_variogram, io
from variogeo._distances import prepare_points
from variogeo._engine import LagSums, Terms, accumulate, sums_of_pairs
from variogeo._engine import _job as job_module
from variogeo._engine._blocks import blocks_of
from variogeo._engine.cpu import _settle, _zero_lag
from variogeo._engine.running._journal import fingerprint_of
from variogeo._pairs import PairSampling
from variogeo._storage import write_document
from variogeo.synthetic import uniform_lonlat

HALF = {"dissimilarity": "half_squared"}


class Grouped:
    """Rows in row groups, as a file has them."""

    def __init__(self, values, starts):
        self.values, self.group_starts = values, np.array(starts)
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim

    def __len__(self):
        return len(self.values)

    def __getitem__(self, rows):
        return self.values[rows]


@pytest.mark.parametrize("starts", [[0, 2000], [0, 2000, 2000], [0, 10, 20, 1500, 2000], list(range(0, 2001, 100))])
def test_row_groups_give_what_the_array_gives(starts):
    lonlat, values = uniform_lonlat(2000, seed=1), np.random.default_rng(1).normal(size=(2000, 4))
    bins = LagBins([0, 500, 5000])
    plain, grouped = (
        empirical_variogram(lonlat, values, bins),
        empirical_variogram(lonlat, Grouped(values, starts), bins),
    )
    assert plain.npairs.tolist() == grouped.npairs.tolist()
    np.testing.assert_allclose(plain.semivariance, grouped.semivariance, rtol=1e-12)


def test_small_row_groups_share_a_block_and_large_ones_make_several():
    unit = prepare_points(uniform_lonlat(1000, seed=2), "geodesic").unit
    assert blocks_of(unit, Grouped(np.zeros((1000, 1)), [0, 100, 200, 300, 900, 1000]), 250).starts.tolist()[:3] == [
        0,
        200,
        300,
    ]


def test_another_partition_is_another_run():
    lonlat, values = uniform_lonlat(2100, seed=1), np.random.default_rng(1).normal(size=(2100, 4))
    points, bins = prepare_points(lonlat, "geodesic"), LagBins([0, 500])
    jobs = [
        job_module.Job.of(points, Terms.of(source, "cosine"), bins, spread=True)
        for source in (values, Grouped(values, [0, 1040, 2100]), Grouped(values, [0, 1050, 2100]))
    ]
    assert len({fingerprint_of(job) for job in jobs}) == 3


@pytest.mark.parametrize("outlier", [-9999.0, 1e5, 1e7, 1e20])
def test_an_outlier_moves_neither_the_median_nor_the_other_bins(outlier):
    random = np.random.default_rng(0)
    lonlat, values = uniform_lonlat(2000, seed=0), random.normal(size=2000)
    values[7] = outlier
    empirical = empirical_variogram(lonlat, values, LagBins([0, 20_004]), **HALF)
    first, second = np.triu_indices(2000, 1)
    exact = np.median((values[first] - values[second]) ** 2 / 2)
    assert empirical.quantiles([0.5])[0, 0] == pytest.approx(exact, rel=0.03)
    near = [[0, 0], [0.1, 0], [0.2, 0], [90, 0]]
    few = empirical_variogram(near, [1.0, 2.0, 3.0, outlier], LagBins([0, 100, 20_004]), **HALF)
    assert few.semivariance[0] == pytest.approx(1.0, rel=1e-12)


def test_large_whole_numbers_that_differ_are_variation():
    numbers = 10**15 + np.arange(4)
    empirical = empirical_variogram([[0, 0], [1, 0], [2, 0], [3, 0]], numbers, LagBins([0, 120, 400]), **HALF)
    assert empirical.semivariance.tolist() == [0.5, pytest.approx((2 + 2 + 4.5) / 3)]


def test_values_whose_sums_overflow_are_refused():
    with pytest.raises(ValueError, match="whose squares overflow when they are summed"):
        empirical_variogram(
            uniform_lonlat(40),
            np.where(np.arange(40) % 2, 1e75, -1e75)[:, None].repeat(512, 1),
            LagBins([0, 9000]),
            **HALF,
        )


def test_edges_far_beyond_the_earth_cost_nothing_and_change_nothing(scattered):
    lonlat, values = scattered[0][:300], scattered[1][:300]
    near = empirical_variogram(lonlat, values, LagBins([0, 20_004]))
    for far in (1e5, 1e6, 1e30):
        assert empirical_variogram(lonlat, values, LagBins([0, far])).npairs.tolist() == near.npairs.tolist()


def test_a_place_of_more_rows_than_are_read_at_once(monkeypatch):
    lonlat = np.repeat(uniform_lonlat(5, seed=3), [20, 1, 2, 3, 1], axis=0)
    values, bins = np.random.default_rng(2).normal(size=(27, 3)), LagBins([0, 20_004])
    points, terms = prepare_points(lonlat, "geodesic"), Terms.of(values, "cosine")
    whole = accumulate(points, terms, bins)
    for entries in (2**22, 24, 1):
        monkeypatch.setattr(_zero_lag, "_ENTRIES_AT_ONCE", entries)
        sums = _zero_lag.zero_lag_sums(points, terms, bins)
        assert sums.npairs[0] == whole.npairs[0] == 190 + 1 + 3
        assert sums.term[0] == pytest.approx(whole.term[0], rel=1e-12)


def test_open_pairs_are_settled_in_parts(scattered, monkeypatch):
    lonlat, values, bins = scattered[0], scattered[1], LagBins([0, 100, 20_004])
    whole = empirical_variogram(lonlat, values, bins)
    monkeypatch.setattr(_settle, "_AT_ONCE", 3)
    parts = empirical_variogram(lonlat, values, bins)
    assert parts.sums.histogram == whole.sums.histogram
    np.testing.assert_allclose(parts.semivariance, whole.semivariance, rtol=1e-13)


def test_a_document_that_could_not_be_loaded_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("variogeo._storage._LARGEST", 10)
    with pytest.raises(ValueError, match="which load refuses"):
        write_document(tmp_path / "large.json", "model", {"value": 1}, overwrite=False)
    assert not list(tmp_path.iterdir())


def test_sums_and_samples_that_do_not_fit_are_refused(photos):
    sampled = empirical_variogram(*photos, LagBins([0, 9000]), pairs=StratifiedPairs(50, seed=0))
    population = PairSampling(StratifiedPairs(50, seed=0), np.ones(5))
    with pytest.raises(ValueError, match="sampling has 5 positions but bins needs 2: population"):
        type(sampled)(sampled.bins, sampled.sums, "cosine", "matheron", "geodesic", population)
    one = np.ones(2)
    with pytest.raises(TypeError, match="Invalid histogram of type list"):
        LagSums(one, one, one, one, one, [], 1, 1.0)  # type: ignore[arg-type]
    assert sums_of_pairs(one, one, LagBins([0, 2]), spread=False).term_squared.size == 0


def test_a_tensor_on_a_device_goes_to_its_engine(monkeypatch, scattered):
    torch = pytest.importorskip("torch")

    class OnDevice(torch.Tensor):
        device = torch.device("cuda")

    lonlat, values = scattered[0][:50], scattered[1][:50]
    tensor = torch.tensor(values).as_subclass(OnDevice)
    bins = LagBins([0, 20_004])
    expected = empirical_variogram(lonlat, values, bins)
    monkeypatch.setattr("variogeo._engine._torch.accumulate_on_device", lambda *_, **__: expected.sums)
    assert empirical_variogram(lonlat, tensor, bins) == expected
    with pytest.raises(ValueError, match="which runs there"):
        empirical_variogram(lonlat, tensor, bins, pairs=StratifiedPairs(20, seed=0))


def test_parquet_needs_no_option(tmp_path, photos):
    import pyarrow as pa
    import pyarrow.parquet as pq

    lonlat, embeddings = photos
    column = pa.FixedSizeListArray.from_arrays(pa.array(embeddings.ravel()), embeddings.shape[1])
    table = pa.table({"lon": lonlat[:, 0], "lat": lonlat[:, 1], "clip": column})
    pq.write_table(table, tmp_path / "photos.parquet", row_group_size=100)
    places, rows = io.open_points(tmp_path / "photos.parquet", embedding="clip", lon="lon", lat="lat")
    bins = LagBins([0, 500, 9000])
    assert empirical_variogram(places, rows, bins).npairs.tolist() == empirical_variogram(*photos, bins).npairs.tolist()
