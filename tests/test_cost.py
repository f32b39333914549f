"""The refusal of a run that costs too much: what it names, when it comes and what lifts it."""

import tracemalloc

import numpy as np
import pytest

from variogeo import LagBins, StratifiedPairs, empirical_variogram
from variogeo._engine import Terms, _cost, check_cost
from variogeo._engine._cost import Cost, cost_of
from variogeo._engine._job import TREE_FROM
from variogeo.direction import AzimuthSector, directional_variogram
from variogeo.local import hot_pairs
from variogeo.regions import grouped_variogram
from variogeo.sampling_bias import largest_shares
from variogeo.synthetic import uniform_lonlat

BINS = LagBins([0, 5000, 20_004])


@pytest.fixture
def too_much(monkeypatch):
    """Any run is too long."""
    monkeypatch.setattr(_cost, "LARGEST_SECONDS", 0.0)


def test_five_million_photos_are_refused_with_time_memory_and_the_ways_out(monkeypatch):
    monkeypatch.setattr(_cost, "usable_cores", lambda: 2)
    with pytest.raises(ValueError, match=r"^All 1\.2e\+13 pairs of 5000000 points would take about ") as caught:
        check_cost(5_000_000, 512, spread=True)
    seconds = 5e6**2 / 2 * (10e-9 + 512 * 0.022e-9) / 2
    text = str(caught.value)
    assert f"about {seconds / 3600:.0f} hours and 0.6 GB of memory on 2 cores." in text
    assert "(a) spread=False, about " in text
    assert "(b) a sample of the pairs, with its standard error: pairs=StratifiedPairs(2_000_000, seed=0)" in text
    assert "resume=folder, executor=client" in text
    assert text.endswith("(d) pairs='all', to run it here as it is.")


def test_without_spread_the_refusal_does_not_offer_it_again(monkeypatch):
    monkeypatch.setattr(_cost, "usable_cores", lambda: 1)
    with pytest.raises(ValueError, match=r"cores\. Pass \(a\) a sample of the pairs") as caught:
        check_cost(50_000_000, 512, spread=False)
    assert "spread=False" not in str(caught.value)
    assert "(c) pairs='all'" in str(caught.value)


def test_a_million_photos_without_spread_are_not_refused():
    check_cost(1_000_000, 512, spread=False)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.2, "1 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours"), (2 * 86_400, "2 days")],
)
def test_a_time_is_in_the_unit_that_suits_it(seconds, text):
    assert str(Cost(seconds, 2**31)) == f"about {text} and 2.0 GB of memory"


def test_scalars_have_no_tree_and_cost_the_same_without_spread():
    assert cost_of(10**6, 1, spread=False, cores=2) == cost_of(10**6, 1, spread=True, cores=2)
    with pytest.raises(ValueError, match=r"Pass \(a\) a sample of the pairs"):
        check_cost(10**7, 1, spread=True)


def test_the_tree_costs_less_from_where_it_is_used():
    few, many = TREE_FROM - 1, 40 * TREE_FROM
    assert cost_of(few, 512, spread=False, cores=1) == cost_of(few, 512, spread=True, cores=1)
    assert cost_of(many, 512, spread=False, cores=1).seconds < cost_of(many, 512, spread=True, cores=1).seconds / 5
    assert cost_of(many, 512, spread=True, cores=4).seconds == cost_of(many, 512, spread=True, cores=1).seconds / 4


@pytest.mark.usefixtures("too_much")
def test_the_refusal_comes_before_anything_is_allocated(monkeypatch, tmp_path):
    """80 MB on disk: no more than a block of them is read, to see that they can be used."""
    values = np.memmap(tmp_path / "values", np.float64, "w+", shape=(2000, 5000))
    values[:] = 1.0
    monkeypatch.setattr(Terms, "of", lambda *_: pytest.fail("the values were prepared"))
    lonlat = uniform_lonlat(2000)
    tracemalloc.start()
    with pytest.raises(ValueError, match="pairs of 2000 points would take about"):
        empirical_variogram(lonlat, values, BINS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6


@pytest.mark.usefixtures("too_much")
def test_what_was_asked_for_runs(scattered, tmp_path):
    class InTurn:
        """An executor of the user's own."""

        def start(self, job):
            """Remember the job."""
            self.job = job

        def results(self, tasks):
            """Yield the sums of one task after the other."""
            return ((task, self.job.sums(task)) for task in tasks)

        def stop(self):
            """Do nothing."""

    lonlat, values = scattered[0][:50], scattered[1][:50]
    with pytest.raises(ValueError, match="would take about 0 seconds"):
        empirical_variogram(lonlat, values, BINS)
    whole = empirical_variogram(lonlat, values, BINS, pairs="all")
    assert empirical_variogram(lonlat, values, BINS, executor=InTurn()) == whole
    assert empirical_variogram(lonlat, values, BINS, resume=tmp_path / "run") == whole
    sampled = empirical_variogram(lonlat, values, BINS, pairs=StratifiedPairs(10_000, seed=0))
    assert sampled.npairs.tolist() == whole.npairs.tolist()


@pytest.mark.parametrize(
    ("call", "every"),
    [
        (lambda lonlat, values: directional_variogram(lonlat, values, BINS, AzimuthSector.evenly(2)), 3),
        (lambda lonlat, values: grouped_variogram(lonlat, values, BINS, np.zeros(50)), 3),
        (lambda lonlat, values: hot_pairs(lonlat, values, np.sqrt, kind="as_expected"), 5),
        (lambda lonlat, _: largest_shares(lonlat, BINS), 5),
    ],
)
def test_a_function_without_a_way_to_go_on_names_how_many_points_it_can_do(monkeypatch, call, every):
    """An hour is set to a little more than a ninth of the cost of 50 points with 3 entries."""
    lonlat, values = uniform_lonlat(50, seed=1), np.random.default_rng(1).normal(size=(50, 3))
    seconds = cost_of(50, 3, spread=True, cores=_cost.usable_cores()).seconds
    monkeypatch.setattr(_cost, "LARGEST_SECONDS", seconds / 8.9 if every == 3 else seconds / 6.2)
    words = rf"The pairs of 50 points would take .* Pass one point in {every}, e\.g\. lonlat\[::{every}\] and all"
    with pytest.raises(ValueError, match=words):
        call(lonlat, values)


def test_work_on_short_lags_is_not_taken_for_that_on_all_pairs(monkeypatch):
    """Of 5 000 points over the Earth only neighbouring tiles hold lags up to 50 km."""
    lonlat = uniform_lonlat(5000, seed=1)
    everything = 4 * cost_of(5000, 0, spread=True, cores=_cost.usable_cores()).seconds
    monkeypatch.setattr(_cost, "LARGEST_SECONDS", everything * 0.9)
    assert len(largest_shares(lonlat, LagBins([0, 50]))) == 1
    with pytest.raises(ValueError, match="Pass one point in 2"):
        largest_shares(lonlat, LagBins([0, 20_004]))
