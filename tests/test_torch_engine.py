"""The device engine against the double loop and the numpy engine, on the CPU and on a GPU where there is one."""

import numpy as np
import pytest
import reference
import torch

from variogeo import LagBins, cross_variogram, effective_dimension, empirical_variogram
from variogeo._distances import exact_beyond, lag_along, lag_error, prepare_points
from variogeo._engine import _device_plan as plan
from variogeo._engine import _device_terms as device_terms
from variogeo._engine import _torch as engine
from variogeo.direction import AzimuthSector, directional_variogram
from variogeo.inference import permutation_test
from variogeo.regions import grouped_variogram
from variogeo.synthetic import uniform_lonlat

EDGES = [0.5, 20, 300, 2000, 9000, 20_004]
METRICS = ["geodesic", "great_circle", "chord"]
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.fixture(params=["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"])
def device(request):
    return request.param


@pytest.fixture(autouse=True)
def one_thread():
    """One thread: for tensors as small as these, more of them only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 64 rows, so that a few hundred points make many tiles."""
    monkeypatch.setattr(plan, "MOST_ROWS", 64)
    monkeypatch.setattr(plan, "LEAST_ROWS", 16)


def sums_on(device, lonlat, values, edges, dissimilarity="cosine", metric="geodesic", *, spread=True):
    """Return the sums of the device engine, for values as numpy array or tensor."""
    tensor = torch.as_tensor(values).to(device)
    points = prepare_points(np.asarray(lonlat, dtype=float), metric)
    return engine.accumulate_on_device(points, tensor, dissimilarity, LagBins(edges), spread=spread)


def in_dtype(values, dtype):
    """Return a tensor of the dtype, and the same numbers for numpy."""
    tensor = torch.tensor(values).to(dtype)
    return tensor, (tensor.float() if dtype == torch.bfloat16 else tensor).numpy()


def assert_equal_sums(ours, theirs):
    """Assert that counts are equal, means within 1e-8 (of the sill, where that is larger), quantiles within a cell."""
    atol = 1e-8 * max(1.0, theirs.total_term / theirs.total_npairs)
    assert ours.npairs.tolist() == theirs.npairs.tolist()
    pairs = np.maximum(theirs.npairs, 1)
    np.testing.assert_allclose(ours.lag, theirs.lag, rtol=1e-7)
    np.testing.assert_allclose(ours.term / pairs, theirs.term / pairs, rtol=0, atol=atol)
    assert ours.total_npairs == theirs.total_npairs
    np.testing.assert_allclose(ours.total_term, theirs.total_term, rtol=1e-9)
    assert ours.has_spread == theirs.has_spread
    if ours.has_spread:
        np.testing.assert_allclose(ours.term_squared / pairs, theirs.term_squared / pairs, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(ours.term_root / pairs, theirs.term_root / pairs, rtol=1e-6, atol=1e-6)
        assert np.bincount(ours.histogram.bin, ours.histogram.npairs, len(ours.npairs)).tolist() == ours.npairs.tolist()
        probabilities = np.array([0.1, 0.5, 0.9])
        np.testing.assert_allclose(
            ours.histogram.quantiles(probabilities), theirs.histogram.quantiles(probabilities), rtol=0.03
        )


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_the_device_engine_equals_a_double_loop(scattered, device, metric, dissimilarity):
    lonlat, values = scattered[0][:130], scattered[1][:130]
    counts, lag, semivariance, spread, zero = reference.variogram(lonlat, values, EDGES, metric, dissimilarity)
    sums = sums_on(device, lonlat, values, EDGES, dissimilarity, metric)
    assert sums.npairs.tolist() == [zero, *counts]
    pairs = sums.npairs[1:]
    np.testing.assert_allclose(sums.lag[1:] / pairs, lag, rtol=1e-7)
    np.testing.assert_allclose(sums.term[1:] / pairs, semivariance, rtol=0, atol=1e-12)
    variance = sums.term_squared[1:] / pairs - (sums.term[1:] / pairs) ** 2
    np.testing.assert_allclose(np.sqrt(np.maximum(variance, 0)), spread, rtol=0, atol=1e-7)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_the_device_engine_equals_the_numpy_engine(scattered, device, dtype, metric, dissimilarity):
    tensor, array = in_dtype(scattered[1], dtype)
    ours = sums_on(device, scattered[0], tensor, EDGES, dissimilarity, metric)
    theirs = empirical_variogram(scattered[0], array, LagBins(EDGES), dissimilarity=dissimilarity, metric=metric).sums
    assert_equal_sums(ours, theirs)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_real_embeddings_equal_the_numpy_engine(photos, device, dtype):
    """In 60 bins, some of a few pairs: there the product's rounding would show."""
    tensor, array = in_dtype(photos[1], dtype)
    edges = np.geomspace(1, 20_004, 61)
    ours = sums_on(device, photos[0], tensor, edges)
    theirs = empirical_variogram(photos[0], array, LagBins(edges)).sums
    assert (theirs.npairs[1:] < 5).any()
    assert_equal_sums(ours, theirs)


@pytest.mark.parametrize("rows", [16, 100, 701, 4096])
def test_the_size_of_the_blocks_changes_nothing(scattered, monkeypatch, device, rows):
    whole = sums_on(device, *scattered, EDGES)
    monkeypatch.setattr(plan, "MOST_ROWS", rows)
    monkeypatch.setattr(plan, "LEAST_ROWS", 16)
    parts = sums_on(device, *scattered, EDGES)
    assert parts.npairs.tolist() == whole.npairs.tolist()
    np.testing.assert_allclose(parts.term, whole.term, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(parts.lag, whole.lag, rtol=1e-7)
    assert parts.histogram == whole.histogram


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("dissimilarity", ["cosine", "half_squared"])
def test_without_spread_the_other_sums_are_the_same(scattered, device, dtype, dissimilarity):
    tensor, _ = in_dtype(scattered[1], dtype)
    full = sums_on(device, scattered[0], tensor, EDGES, dissimilarity)
    plain = sums_on(device, scattered[0], tensor, EDGES, dissimilarity, spread=False)
    assert not plain.has_spread
    assert plain.histogram.npairs.size == 0
    for name in ("npairs", "lag", "term"):
        np.testing.assert_allclose(getattr(plain, name), getattr(full, name), rtol=1e-14)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("numbers", [np.float64, np.float32, np.int64])
def test_scalars_equal_a_double_loop(scattered, device, numbers):
    lonlat, values = scattered[0][:90], (1e6 + 100 * scattered[1][:90, 0]).astype(numbers)
    counts, _, semivariance, _, _ = reference.variogram(lonlat, values, EDGES, "geodesic", "half_squared")
    sums = sums_on(device, lonlat, values, EDGES, "half_squared")
    assert sums.npairs[1:].tolist() == counts.tolist()
    np.testing.assert_allclose(sums.term[1:] / np.maximum(counts, 1), np.nan_to_num(semivariance), rtol=1e-9)


def hard_points():
    """Points at both poles, on the antimeridian, metres apart, at one place, and nearly opposite to each other."""
    random = np.random.default_rng(4)
    lonlat = uniform_lonlat(240, seed=4)
    lonlat[:40] = np.array([12.0, 48.0]) + random.normal(0, 1e-5, (40, 2))
    lonlat[40:60] = lonlat[:20]
    lonlat[60:80, 1] = 90 - random.uniform(0, 1e-4, 20)
    lonlat[80:100, 1] = -90 + random.uniform(0, 1e-4, 20)
    lonlat[100:120, 0] = 180 - random.uniform(0, 1e-4, 20)
    lonlat[120:140, 0] = -180 + random.uniform(0, 1e-4, 20)
    lonlat[140:180] = np.column_stack([lonlat[180:220, 0] - 180, -lonlat[180:220, 1]]) + random.normal(0, 0.3, (40, 2))
    lonlat[220:224] = [(0, 90), (77, 90), (180, 10), (-180, 10)]
    return lonlat


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "edges", [np.geomspace(1e-4, 20_100, 300), [0, 1e-3, 5, 19_500], [19_100, 19_900, 20_050], [0.001, 0.0011]]
)
def test_counts_equal_the_exact_lag_on_all_pairs(device, metric, edges):
    lonlat = hard_points()
    first, second = np.triu_indices(len(lonlat), 1)
    lag = lag_along(lonlat[first], lonlat[second], metric)
    places = prepare_points(lonlat, metric).lonlat
    same = (places[first] == places[second]).all(axis=1)
    position = np.where(same, 0, np.searchsorted(edges, lag, side="left"))
    inside = same | ((lag > edges[0]) & (lag <= edges[-1]))
    expected = np.bincount(position[inside], minlength=len(edges))
    values = np.random.default_rng(0).normal(size=(len(lonlat), 3))
    assert sums_on(device, lonlat, values, edges, metric=metric).npairs.tolist() == expected.tolist()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("degrees", [1e-6, 0.01, 30.0, 170.0])
def test_a_pair_on_an_edge_is_decided_by_the_exact_lag(device, metric, degrees):
    lonlat = np.array([[10.0, 40.0], [10.0 + degrees, -20.0 if degrees > 100 else 40.0]])
    exact = lag_along(lonlat[:1], lonlat[1:], metric)[0]
    below, above = np.nextafter(exact, 0), np.nextafter(exact, np.inf)
    for edges, inside in (([below, above], 1), ([below / 2, exact, 20_100], 1), ([below / 2, below, 20_100], 2)):
        assert sums_on(device, lonlat, np.eye(2), edges, metric=metric).npairs[inside] == 1


@pytest.mark.parametrize("metric", METRICS)
def test_lags_on_the_device_keep_their_bound(metric):
    lonlat = np.concatenate([uniform_lonlat(600, seed=8), hard_points()])
    points = prepare_points(lonlat, metric)
    first, second = np.triu_indices(len(lonlat), 1)
    exact = lag_along(lonlat[first], lonlat[second], metric)
    unit = torch.tensor(points.unit)
    lags = engine._lags(metric, unit, unit, short_pairs=True).numpy() * engine._HALF_ARC_UNIT[metric]
    known = exact <= exact_beyond(metric)
    bound = lag_error(exact, metric) + plan._FORMULA_ERROR * exact
    assert (np.abs(lags[first, second] - exact)[known] <= 0.5 * np.maximum(bound, plan._ZERO_LAG)[known]).all()
    assert (lags[first, second][~known] > 0.999 * exact_beyond(metric)).all()


@pytest.mark.usefixtures("small_blocks")
def test_blocks_beyond_the_last_lag_are_skipped(monkeypatch, device):
    lonlat, values = uniform_lonlat(600, seed=1), np.random.default_rng(1).normal(size=(600, 4))
    tiles = []
    add = engine._Run.add
    monkeypatch.setattr(engine._Run, "add", lambda run, i, j, **rest: tiles.append((i, j)) or add(run, i, j, **rest))
    ours = sums_on(device, lonlat, values, [0, 300])
    assert len(tiles) < 40  # of 55
    assert ours.npairs.tolist() == empirical_variogram(lonlat, values, LagBins([0, 300])).sums.npairs.tolist()


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_equal_vectors_have_no_dissimilarity_at_all(scattered, device, dtype):
    for width, dissimilarity in ((3, "cosine"), (301, "cosine"), (64, "half_squared")):
        vectors = np.tile(np.random.default_rng(1).normal(size=width), (150, 1))
        constant = sums_on(device, scattered[0][:150], in_dtype(vectors, dtype)[0], EDGES, dissimilarity)
        assert (constant.term == 0).all()
        vectors[75:] *= -2
        opposite = sums_on(device, scattered[0][:150], in_dtype(vectors, dtype)[0], [1e-9, 20_100], dissimilarity)
        # Pairs of equal vectors, at zero lag or not, fill the lowest cell.
        histogram = opposite.histogram
        assert histogram.npairs[histogram.cell == histogram.cell.min()].sum() == 2 * (75 * 74 // 2)


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8])
@pytest.mark.parametrize("numbers", [np.float32, np.float64])
def test_differences_survive_in_groups_that_lie_far_apart(device, monkeypatch, offset, numbers):
    """Two groups of 40 vectors: within a group the product form alone would lose every digit."""
    monkeypatch.setattr(device_terms, "_ENTRIES_AT_ONCE", 100)
    random = np.random.default_rng(3)
    lonlat = np.repeat([[0.0, 0.0], [90.0, 0.0]], 40, axis=0) + random.uniform(0, 1, (80, 2))
    vectors = (8 * random.integers(-3, 4, (80, 8)) + offset * np.repeat([[0.0], [1.0]], 40, axis=0)).astype(numbers)
    pairs = [(i, j) for group in (range(40), range(40, 80)) for i in group for j in group if i < j]
    expected = np.mean([((vectors[i].astype(float) - vectors[j]) ** 2).sum() / 2 for i, j in pairs])
    sums = sums_on(device, lonlat, vectors, [0, 1000], "half_squared")
    assert sums.npairs[1] == len(pairs)
    # Products of float32 are right to 1e-8 of the sill, which the distance between the groups makes large.
    sill = sums.total_term / sums.total_npairs
    assert sums.term[1] / sums.npairs[1] == pytest.approx(expected, rel=1e-9, abs=1e-8 * sill)
    if numbers is np.float64 or offset > 1e3:
        assert sums.term[1] / sums.npairs[1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1e18, 1e74])
def test_the_size_of_the_values_does_not_matter(scattered, device, scale):
    lonlat, values = scattered[0][:80], scattered[1][:80]
    numbers = np.float32 if 1e-38 < scale < 1e38 else np.float64
    scaled = (values * scale).astype(numbers)
    np.testing.assert_allclose(
        sums_on(device, lonlat, scaled, EDGES).term, sums_on(device, lonlat, values, EDGES).term, rtol=1e-6, atol=1e-9
    )
    if scale > 1e-100:
        ours = sums_on(device, lonlat, scaled, EDGES, "half_squared")
        plain = sums_on(device, lonlat, values, EDGES, "half_squared")
        np.testing.assert_allclose(ours.term / scale**2, plain.term, rtol=1e-6)
        np.testing.assert_allclose(ours.term_squared / scale**4, plain.term_squared, rtol=1e-6)
        np.testing.assert_allclose(ours.term_root / scale**0.5, plain.term_root, rtol=1e-6)
        median = ours.histogram.quantiles(np.array([0.5])) / scale**2
        np.testing.assert_allclose(median, plain.histogram.quantiles(np.array([0.5])), rtol=0.05)


def test_values_and_settings_stay_as_they_are(scattered, device):
    tensor = torch.tensor(scattered[1], dtype=torch.float64, device=device, requires_grad=True)
    before = tensor.detach().clone()
    matmul = torch.backends.cuda.matmul
    was = matmul.fp32_precision
    seen = []
    product = device_terms._product
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device_terms, "_product", lambda a, b: seen.append(matmul.fp32_precision) or product(a, b))
        try:
            matmul.fp32_precision = "tf32"
            with torch.autocast(device, dtype=torch.bfloat16):
                sums = sums_on(device, scattered[0], tensor, EDGES)
            assert matmul.fp32_precision == "tf32"
            with pytest.raises(ValueError, match="NaN"):
                sums_on(device, scattered[0], tensor * np.nan, EDGES)
            assert matmul.fp32_precision == "tf32"
        finally:
            matmul.fp32_precision = was
    assert set(seen) == {"ieee"}
    assert torch.equal(tensor, before)
    assert sums.npairs.tolist() == sums_on(device, scattered[0], before, EDGES).npairs.tolist()


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("fits", "tried"), [(64, {64}), (50, {64, 32}), (16, {64, 32, 16})])
def test_blocks_are_halved_until_they_fit(scattered, monkeypatch, device, fits, tried):
    lonlat, values = scattered[0][:640], scattered[1][:640]
    expected = sums_on(device, lonlat, values, EDGES)
    product, sizes = device_terms._product, set()

    def short_of_memory(a, b):
        sizes.add(len(a))
        if len(a) > fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return product(a, b)

    monkeypatch.setattr(device_terms, "_product", short_of_memory)
    sums = sums_on(device, lonlat, values, EDGES)
    assert sizes == tried
    assert sums.npairs.tolist() == expected.npairs.tolist()
    np.testing.assert_allclose(sums.term, expected.term, rtol=1e-12)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("count", "tried"), [(700, [64, 32, 16]), (12, [12])])
def test_too_little_memory_for_small_blocks_is_an_error(scattered, monkeypatch, device, count, tried):
    sizes = []

    def no_memory(a, b):
        sizes.append(max(len(a), len(b)))
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(device_terms, "_product", no_memory)
    with pytest.raises(MemoryError, match=rf"two blocks of {tried[-1]} rows of 5 entries did not fit.*values\.cpu\(\)"):
        sums_on(device, scattered[0][:count], scattered[1][:count], EDGES)
    assert sizes == tried


def test_blocks_suit_the_free_memory(monkeypatch):
    assert plan.rows_per_block(2**40, 512, 10**6) == plan.MOST_ROWS
    assert plan.rows_per_block(2**40, 512, 300) == 300
    assert plan.rows_per_block(2**31, 512, 10**6) == 2048
    assert plan.rows_per_block(1, 512, 10**6) == plan.LEAST_ROWS
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (12345, 99999))
    assert engine._free_bytes(torch.device("cuda")) == 12345
    assert engine._free_bytes(torch.device("xpu")) == engine._OTHER_FREE_BYTES


def test_sums_of_many_bins_keep_few_copies():
    assert plan.lanes_for(100, 4096) == 4096
    assert plan.lanes_for(2**20, 4096) == 4
    assert plan.lanes_for(2**30, 4096) == 1


def test_a_device_without_float64_is_refused():
    with pytest.raises(ValueError, match=r"device 'mps:0'.*float64.*values\.cpu\(\)"):
        engine._check_device(torch.device("mps:0"))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_unusable_rows_are_refused_as_on_the_host(scattered, device, monkeypatch, dtype):
    monkeypatch.setattr(device_terms, "_ENTRIES_AT_ONCE", 64)
    values = scattered[1].copy()
    values[[3, 650], [4, 0]] = np.nan, -np.inf
    zero = scattered[1].copy()
    zero[[0, 7, 699]] = 0
    for broken, dissimilarity in ((values, "cosine"), (values, "half_squared"), (zero, "cosine")):
        tensor, array = in_dtype(broken, dtype)
        with pytest.raises(ValueError, match="rows") as theirs:
            empirical_variogram(scattered[0], array, LagBins(EDGES), dissimilarity=dissimilarity)
        with pytest.raises(ValueError, match="rows") as ours:
            sums_on(device, scattered[0], tensor, EDGES, dissimilarity)
        assert str(ours.value) == str(theirs.value)
    assert "3, 650" in str(ours.value) or "0, 7, 699" in str(ours.value)
    assert sums_on(device, scattered[0], in_dtype(zero, dtype)[0], EDGES, "half_squared").npairs.any()


@pytest.mark.parametrize(
    ("values", "dissimilarity"),
    [
        (torch.ones(5), "cosine"),
        (torch.ones(()), "half_squared"),
        (torch.ones(5, 0), "cosine"),
        (torch.ones(5, 2, 2), "cosine"),
        (torch.ones(5, 2, dtype=torch.int32), "cosine"),
        (torch.ones(5, 2, dtype=torch.complex64), "half_squared"),
        (torch.ones(5, dtype=torch.bool), "half_squared"),
        (torch.full((5, 2), 1e80, dtype=torch.float64), "half_squared"),
    ],
)
def test_unusable_tensors_are_refused_as_on_the_host(device, values, dissimilarity):
    lonlat = uniform_lonlat(5)
    with pytest.raises((ValueError, TypeError)) as theirs:
        empirical_variogram(lonlat, values.numpy(), LagBins(EDGES), dissimilarity=dissimilarity)
    with pytest.raises(theirs.type) as ours:
        sums_on(device, lonlat, values, EDGES, dissimilarity)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("metric", METRICS)
def test_cuts_cover_the_lags_without_a_gap(metric):
    """Every zone between two cuts lies in one bin, and every edge within a zone that is settled exactly."""
    for edges in ([0, 10, 100], [10, 10 + 1e-9, 100], [0, 1e-10, 5], [5000, 20_100], [1e-3, 1e3]):
        bins = LagBins(edges)
        cuts = plan.cuts_of(bins, metric)
        assert (np.diff(cuts.lag) > 0).all()
        for edge in [0.0, *edges]:
            assert cuts.bins[np.searchsorted(cuts.lag, edge)] == plan.SETTLE
        for lag in np.geomspace(1e-6, 20_000, 400):
            kind = cuts.bins[np.searchsorted(cuts.lag, lag)]
            position = np.searchsorted(edges, lag)
            sure = position if 0 < position < len(edges) else plan.OUTSIDE
            assert kind in (plan.SETTLE, sure)


PLACES = np.arange(10.0).reshape(5, 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda values: directional_variogram(PLACES, values, LagBins([0, 900]), AzimuthSector.evenly(2)),
        lambda values: grouped_variogram(PLACES, values, LagBins([0, 900]), np.zeros(5)),
        lambda values: cross_variogram(PLACES, np.eye(5), values, LagBins([0, 900])),
        lambda values: permutation_test(PLACES, values, LagBins([0, 900])),
        effective_dimension,
    ],
)
def test_a_tensor_elsewhere_is_not_moved_to_the_cpu_in_silence(call):
    with pytest.raises(ValueError, match=r"on device 'meta'\. This is worked on by the CPU: pass .*\.cpu\(\)"):
        call(torch.ones(5, 5, device="meta"))


@pytest.mark.parametrize("option", [{"patches": [0, 1, 0, 1, 0]}, {"exclude": [0] * 5}, {"dissimilarity": "madogram"}])
def test_what_a_device_does_not_know_is_refused_there(option):
    with pytest.raises(ValueError, match=r"which knows sums of all pairs only\. Pass values\.cpu\(\) for them\."):
        empirical_variogram(PLACES, torch.ones(5, 4, device="meta"), LagBins([0, 900]), **option)


def test_the_dimension_of_a_tensor_on_a_device_must_be_given():
    with pytest.raises(ValueError, match="Invalid dimension None for dowd of a tensor on a device"):
        empirical_variogram(PLACES, torch.ones(5, 4, device="meta"), LagBins([0, 900]), estimator="dowd")
