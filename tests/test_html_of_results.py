"""What notebooks show of results: every public value has a card, well formed, escaped, that loads and runs nothing."""

import ast
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import variogeo
from variogeo import (
    CorrelogramKernel,
    DecorrelationWeighting,
    Exponential,
    ExponentialKernel,
    LagBins,
    LagSpread,
    MaskWeighting,
    NearWeighting,
    Nested,
    PointEmbeddings,
    ResidualWeighting,
    Stable,
    StepKernel,
    StratifiedPairs,
    ThesisMultiplier,
    UniformWeighting,
    Weighting,
    compare_models,
    cross_variogram,
    empirical_variogram,
    fit_variogram,
)
from variogeo.direction import Anisotropy, AzimuthSector, directional_variogram
from variogeo.inference import compare_groups, envelope, fit_intervals, jackknife, permutation_test
from variogeo.local import PairKind, PairKindCounts
from variogeo.regions import grouped_variogram
from variogeo.sampling_bias import compare_weights

NASTY = '<script>alert("x")</script><img src=//a.b onerror=alert(1)>'
BINS = LagBins.logarithmic(50, 3000, 6)
MODEL = Exponential(0.1, 0.5, 900.0)
SVG = "{http://www.w3.org/2000/svg}"


def field(n=160):
    random = np.random.default_rng(2)
    lonlat = random.uniform(-15, 15, (n, 2))
    return lonlat, np.sin(lonlat[:, 0] / 5) + random.normal(0, 0.3, n)


def blocks(lonlat):
    """Return nine patches of ten degrees."""
    return np.floor((lonlat[:, 0] + 15) / 10).astype(int) * 3 + np.floor((lonlat[:, 1] + 15) / 10).astype(int)


@pytest.fixture(scope="module")
def results():
    """Return one value of every kind, by a name."""
    lonlat, values = field()
    half = {"dissimilarity": "half_squared"}
    empirical = empirical_variogram(lonlat, values, BINS, patches=blocks(lonlat), **half)
    fit = fit_variogram(empirical, Exponential)
    uncertainty = jackknife(empirical)
    thirds = empirical_variogram(lonlat, values, BINS, patches=blocks(lonlat) % 3, **half)
    intervals = fit_intervals(jackknife(thirds), Exponential, fixed={"nugget": 0.1})
    west = lonlat[:, 0] < 0
    sides = {
        name: jackknife(empirical_variogram(lonlat[some], values[some], BINS, patches=blocks(lonlat[some]), **half))
        for name, some in ((NASTY, west), ("east", ~west))
    }
    vectors = np.column_stack([values, np.ones(len(values))])
    return {
        "points": PointEmbeddings(lonlat, vectors, groups=west, model_id=NASTY, crs="EPSG:4326", dropped=(3,)),
        "no points": PointEmbeddings(np.empty((0, 2)), np.empty((0, 4))),
        "empirical": empirical,
        "empirical with colocated": empirical_variogram(
            lonlat[[0, 0, 1, 2]], values[:4], LagBins([1, 50, 5000]), **half
        ),
        "fit": replace(fit, converged=True, outcome="fitted"),
        "fit that failed": replace(fit, converged=False, outcome="no sill within the data"),
        "comparison": compare_models(empirical, [Exponential, Stable]),
        "model": MODEL,
        "nested": Nested(Exponential(0.1, 0.2, 100.0), Exponential(0.0, 0.2, 900.0)),
        "constant": Exponential(0.0, 0.0, 900.0),
        "cross": cross_variogram(lonlat, values, values**2, BINS, **half),
        "directional": directional_variogram(lonlat, values, BINS, AzimuthSector.evenly(3), **half),
        "anisotropy": Anisotropy(MODEL, 30.0, 0.5, 0.01, 0.02, True, "found"),
        "anisotropy that failed": Anisotropy(MODEL, 30.0, 0.5, 0.01, 0.02, False, "no"),
        "grouped": grouped_variogram(lonlat, values, BINS, np.where(west, NASTY, "east"), **half),
        "grouped with skipped": grouped_variogram(lonlat, values, BINS, ["a"] * 159 + [NASTY], **half),
        "uncertainty": uncertainty,
        "intervals": intervals,
        "interval": intervals["nugget"],
        "permutation": permutation_test(lonlat[:60], values[:60], BINS, permutations=39, **half),
        "envelope": envelope(np.ones(4), np.random.default_rng(0).normal(size=(39, 4))),
        "group tests": compare_groups(sides),
        "weights of points": compare_weights(lonlat, values, BINS, np.linspace(1, 2, len(values)), **half),
        "bins": BINS,
        "many bins": LagBins.linear(0, 1000, 200),
        "spread": LagSpread((1.0, 100.0), (0.1, 0.2)),
        "scheme": ResidualWeighting.hard_negatives(MODEL) + MaskWeighting(25.0),
        "scheme of the lag": DecorrelationWeighting(MODEL),
        "scheme of nothing": UniformWeighting(),
        "scheme of long lags": NearWeighting(1.0, 15_000.0) + MaskWeighting(within=19_000.0),
        "scheme of one's own": OfOnesOwn(),
        "thesis": ThesisMultiplier(Stable(0.1, 0.2, 2000.0, 0.9)),
        "kernel": ExponentialKernel(75.0),
        "step": StepKernel(25.0),
        "kernel of a curve": CorrelogramKernel(MODEL),
        "pairs": StratifiedPairs(1000, seed=0),
        "sector": AzimuthSector(0.0),
        "kind": PairKind("hard_negative", beyond=1000.0),
        "counts": PairKindCounts(1, 2, 3, 6),
    }


@dataclass(frozen=True)
class OfOnesOwn(Weighting):
    """A scheme without a curve."""

    @property
    def needs_dissimilarity(self):
        """True: it reads nothing else."""
        return True

    def __call__(self, lag, dissimilarity=None):
        """Return the log-weight."""
        return -dissimilarity + 0 * lag


class Watcher(HTMLParser):
    """Notes what could run or load."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        """Look at a tag and its attributes."""
        loads = [name for name, value in attrs if name.startswith("on") or name in ("src", "href", "data", "action")]
        styles = [value for name, value in attrs if name == "style" and re.search(r"url\(|@import|expression", value)]
        bad = tag in ("script", "iframe", "object", "embed", "link", "style", "img", "form", "base", "meta")
        self.found += [tag] * bad + loads + styles


def check_card(html):
    """Return a card that is well formed and neither runs nor loads anything."""
    watcher = Watcher()
    watcher.feed(html)
    assert watcher.found == []
    addresses = set(re.findall(r"[a-z]+://[^\"]*", html.replace("&", " ")))
    assert {one for one in addresses if "script" not in one} <= {"http://www.w3.org/2000/svg"}
    # Colours of the page itself: readable on white and on black.
    assert "currentColor" in html or "<svg" not in html
    assert "color:inherit" in html
    return ET.fromstring(html)


def public_values():
    """Return the classes of values by name, with the names of their bases: those of public lists that are frozen."""
    public, values = set(), {}
    root = Path(variogeo.__file__).parent
    for file in root.rglob("*.py"):
        is_public = not any(part.startswith("_") for part in file.relative_to(root).with_name(file.parent.name).parts)
        for node in ast.parse(file.read_text()).body:
            if is_public and isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                public.update(ast.literal_eval(node.value))
            elif isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base) for base in node.bases]
                has_card = any("_repr_html_" in (getattr(part, "name", ""), *_targets(part)) for part in node.body)
                is_frozen = any("frozen=True" in ast.unparse(one) for one in node.decorator_list)
                values[node.name] = (has_card, is_frozen or "NamedTuple" in bases, bases)
    return public, values


def _targets(part):
    """Return the names that a statement of a class assigns to."""
    return [ast.unparse(target) for target in getattr(part, "targets", ())]


def test_every_public_value_has_a_card():
    # Read, not imported: some modules need packages that are not installed everywhere.
    public, values = public_values()
    frozen = {name for name in public & set(values) if values[name][1]}
    assert {"EmpiricalVariogram", "VariogramFit", "MaskWeighting", "PairKindCounts", "ExperimentResult"} <= frozen
    with_card = {name for name, (has_card, _, _) in values.items() if has_card}
    assert not {name for name in frozen - with_card if not with_card & set(values[name][2])}


def test_every_card_is_well_formed_and_loads_and_runs_nothing(results):
    for value in results.values():
        check_card(value._repr_html_())


def test_what_has_a_curve_shows_it(results):
    without = {"bins", "many bins", "pairs", "sector", "kind", "counts", "interval", "no points"}
    for name, value in results.items():
        assert ("<svg" in value._repr_html_()) == (name not in without), name


def test_a_users_text_is_shown_literally(results):
    for name in ("points", "grouped", "grouped with skipped", "group tests"):
        texts = "".join(check_card(results[name]._repr_html_()).itertext())
        assert NASTY in texts, name


def cells(html):
    """Return the texts of the cells of all tables."""
    return [cell.text for cell in ET.fromstring(html).iter("td")]


def heights(html):
    """Return how high the dots are drawn, from 0 to 1."""
    up = np.array([float(dot.get("cy")) for dot in ET.fromstring(html).iter(f"{SVG}circle")])
    return (up.max() - up) / np.ptp(up)


def test_the_curve_of_a_variogram_is_its_semivariance(results):
    empirical = results["empirical"]
    semivariance = empirical.semivariance[empirical.npairs > 0]
    drawn = heights(empirical._repr_html_())
    expected = (semivariance - semivariance.min()) / np.ptp(semivariance)
    np.testing.assert_allclose(drawn, expected, atol=0.01)
    assert len(cells(empirical._repr_html_())) == 2 * 2 + 6 * len(BINS)


def test_pairs_at_zero_lag_and_bins_of_few_are_told(results):
    html = results["empirical with colocated"]._repr_html_()
    assert "semivariance at zero lag" in cells(html)
    assert "bins with fewer than 30 pairs" in html
    assert "semivariance at zero lag" not in cells(results["empirical"]._repr_html_())


def test_a_fit_that_did_not_converge_is_dashed_and_says_so(results):
    assert "stroke-dasharray" not in results["fit"]._repr_html_()
    failed = results["fit that failed"]._repr_html_()
    assert "stroke-dasharray" in failed
    assert "no sill within the data" in failed
    assert "stroke-dasharray" in results["anisotropy that failed"]._repr_html_()


def test_the_parameters_of_a_model_have_their_units(results):
    found = cells(MODEL._repr_html_())
    assert dict(zip(found[::2], found[1::2], strict=True)) == {
        "nugget": "0.1", "partial_sill": "0.5", "effective_range (km)": "900", "sill": "0.6",
    }  # fmt: skip
    assert "Exponential + Exponential" in results["nested"]._repr_html_()


def test_a_scheme_is_drawn_for_several_dissimilarities_and_breaks_where_negatives_are_out(results):
    scheme = ET.fromstring(results["scheme"]._repr_html_())
    lines = list(scheme.iter(f"{SVG}path"))[1:]
    assert len(lines) == 3
    assert "ResidualWeighting + MaskWeighting" in "".join(scheme.itertext())
    starts = [float(path.get("d")[1:].split()[0]) for path in lines]
    # From 25 km / 30 to 5 * 900 km in the logarithm, on 230 pixels after 5: within 25 km all are out.
    assert min(starts) == pytest.approx(5 + 230 * np.log(30) / np.log(30 / 25 * 5 * 900), abs=3)
    single = ET.fromstring(results["scheme of the lag"]._repr_html_())
    assert len(list(single.iter(f"{SVG}path"))) == 2


def test_fields_that_are_not_given_are_left_out(results):
    assert cells(results["kind"]._repr_html_()) == ["name", "hard_negative", "beyond", "1,000"]


def test_a_table_of_many_groups_ends():
    lonlat, values = field(120)
    labels = [f"g{k:02d}" for k in np.arange(120) // 3]
    grouped = grouped_variogram(lonlat, values, LagBins([0, 5000]), labels, dissimilarity="half_squared")
    assert len(grouped) == 40
    assert len(cells(grouped._repr_html_())) == 3 * 30
    assert "and 28 more" in grouped._repr_html_()


def test_places_found_in_a_gallery_and_weights_of_a_batch_have_cards():
    torch = pytest.importorskip("torch")
    from variogeo.nn import NegativeWeights, PairLogits
    from variogeo.trainers._gallery import GalleryEvaluation

    true, gallery = np.array([[8.0, 50.0], [9.0, 50.0]]), np.array([[8.0, 50.1], [9.0, 50.0]])
    html = GalleryEvaluation(gallery[[0, 0]], true, gallery, np.array([0, 1]))._repr_html_()
    check_card(html)
    assert "GeoScore" in html
    lonlat = torch.tensor([[8.0, 50.0], [8.1, 50.0], [100.0, 0.0]])
    summary = NegativeWeights(MaskWeighting(25.0), order="lonlat", units="deg").summary(lonlat, lonlat)
    assert "6 negatives in 3 rows" in "".join(check_card(summary._repr_html_()).itertext())
    logits = PairLogits(torch.ones(2, 3), torch.ones(4, 3), scale=2.0)
    assert "(2, 3) torch.float32" in cells(logits._repr_html_())


def test_torch_modules_show_their_settings_and_what_they_hold():
    torch = pytest.importorskip("torch")
    from variogeo.nn import AlignedQueue, NegativeWeights, NeighborWeights, RunningVariogram, SoftTargets

    def own_kernel(lag):
        return torch.exp(-lag)

    where = {"order": "lonlat", "units": "deg"}
    queue = AlignedQueue(4000, feature_width=2)
    queue.enqueue(torch.zeros(3, 2), torch.zeros(3, 2))
    running = RunningVariogram(BINS, **where, decay=0.5)
    before = running._repr_html_()
    lonlat, values = field()
    running.update(torch.tensor(lonlat), torch.tensor(np.column_stack([values, np.ones(len(values))])))
    empirical = running.empirical()
    shown = {
        NegativeWeights(MaskWeighting(25.0) + UniformWeighting(), **where, feature_width=512): "512",
        SoftTargets(ExponentialKernel(75.0), **where, top_k=7): "7",
        SoftTargets(MODEL, **where): "1",
        SoftTargets(own_kernel, **where, cutoff=90.0): "90",
        NeighborWeights(ExponentialKernel(75.0), neighbors=4, **where): "4",
        running: "0.5",
        queue: "3 of 4,000",
    }
    for module, setting in shown.items():
        html = module._repr_html_()
        text = "".join(check_card(html).itertext())
        assert text.startswith(type(module).__name__)
        assert setting in cells(html)
        assert "None" not in cells(html)
        assert ("<svg" in html) == ("own_kernel" not in text and module is not queue)
    assert "<svg" not in before
    assert f"{len(BINS)} lag bins" in before
    assert empirical._repr_html_() in running._repr_html_()


def test_showing_a_running_variogram_does_not_wait_for_other_ranks(monkeypatch):
    torch = pytest.importorskip("torch")
    from variogeo.nn import RunningVariogram

    def wait(_):
        raise AssertionError("a cell that is shown on one rank would wait for ever")

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "all_reduce", wait)
    lonlat, values = field()
    running = RunningVariogram(BINS, order="lonlat", units="deg")
    running.update(torch.tensor(lonlat), torch.tensor(np.column_stack([values, np.ones(len(values))])))
    check_card(running._repr_html_())


def test_an_experiment_shows_what_each_arm_adds():
    pytest.importorskip("torch")
    from small_experiment import simulated_split

    from variogeo.experiments import ExperimentResult, _runs, chosen_arms

    split, random = simulated_split(), np.random.default_rng(0)
    task = _runs.Task(split, None, None, None, BINS, "cpu", None)  # type: ignore[arg-type]
    figures = {"mean_weight": 2.0, "changed_share": 0.5}
    arms = chosen_arms(["hard"])
    runs = {}
    for arm in arms:
        shift = 200.0 if arm.name == "hard" else 0.0
        errors = [
            {kind: random.uniform(300, 900, len(one.lonlat)) - shift for kind, one in split.queries.items()}
            for _ in range(2)
        ]
        runs[arm.name] = tuple(_runs.Run(arm.name, seed, own, figures, np.ones(6)) for seed, own in enumerate(errors))
    result = ExperimentResult(task, arms, (0, 1), runs, dict.fromkeys(runs, 1.0), np.ones(6), {}, {})
    html = result._repr_html_()
    check_card(html)
    (arm,) = result.tested
    assert cells(html)[:3] == ["1", arm.title, "scheme"]
    assert float(cells(html)[3]) == pytest.approx(result.difference(arm, "test").estimate, rel=1e-3)
