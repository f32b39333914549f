"""Comparisons of variograms and curves of trainings: what is drawn equals the numbers, names are drawn literally."""

import re

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from variogeo import Exponential, LagBins, VariogramFit, variogram_from_pairs
from variogeo._empirical import EmpiricalVariogram
from variogeo.inference import jackknife
from variogeo.plotting import plot_comparison, plot_groups, plot_training
from variogeo.regions import grouped_variogram

BINS = LagBins([0, 10, 100, 1000])
MODEL = Exponential(0.1, 0.3, 300.0)
NASTY = ["$x$ and $\\frac{1}", "_hidden", "two\nlines", "x" * 10_000, "<b>&amp;</b>", "100 $"]


def variogram(factor=1.0, few=3) -> EmpiricalVariogram:
    """Return two bins of 40 pairs and one of few."""
    lag = np.r_[np.full(40, 5.0), np.full(40, 50.0), np.full(few, 500.0)]
    return variogram_from_pairs(lag, factor * lag**0.1, BINS)


@pytest.fixture
def ax():
    return Figure().subplots()


def labelled(ax):
    return dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))


def test_each_variogram_of_a_comparison_is_drawn_in_its_colour_with_few_pairs_hollow(ax):
    before, after = variogram(), variogram(2.0)
    plot_comparison({"before": before, "after": after}, ax=ax)
    names = labelled(ax)
    assert list(names) == ["before", "after"]
    for one, name in ((before, "before"), (after, "after")):
        own = [line for line in ax.get_lines() if line.get_color() == names[name].get_color() and len(line.get_xdata())]
        joined, full, hollow = own
        np.testing.assert_array_equal(joined.get_ydata(), one.semivariance)
        np.testing.assert_array_equal(full.get_ydata(), one.semivariance[:2])
        assert (hollow.get_xdata().tolist(), hollow.get_markerfacecolor()) == ([one.lag[2]], "white")
    assert ax.get_xscale() == "log"


def test_a_shape_is_divided_by_the_a_priori_sill(ax):
    before, after = variogram(), variogram(2.0)
    plot_comparison({"before": before, "after": after}, ax=ax, of="shape")
    joined = [line for line in ax.get_lines() if len(line.get_xdata()) == 3]
    np.testing.assert_allclose(joined[0].get_ydata(), before.semivariance / before.sill_apriori)
    np.testing.assert_allclose(joined[1].get_ydata(), joined[0].get_ydata())
    assert ax.get_ylabel() == "semivariance / a-priori sill"


def test_a_curve_stands_for_the_line_between_points_and_is_dashed_without_convergence(ax):
    fit = VariogramFit(MODEL, 0.0, 0.0, False, "pure nugget", "", "npairs", 3, 3)
    plot_comparison({"before": variogram(few=40), "after": variogram(2.0)}, ax=ax, models={"before": fit})
    (curve,) = [line for line in ax.get_lines() if len(line.get_xdata()) == 400]
    np.testing.assert_array_equal(curve.get_ydata(), MODEL(curve.get_xdata()))
    assert curve.get_linestyle() == "--"
    assert sum(len(line.get_xdata()) == 3 and line.get_linestyle() == "-" for line in ax.get_lines()) == 1


@pytest.fixture(scope="module")
def uncertainty():
    from variogeo import empirical_variogram

    random = np.random.default_rng(2)
    lonlat = random.uniform(-15, 15, (80, 2))
    patches = np.floor((lonlat[:, 0] + 15) / 3).astype(int)
    bins = LagBins.logarithmic(100, 3000, 4)
    return jackknife(empirical_variogram(lonlat, random.normal(size=(80, 3)), bins, patches=patches))


def test_the_band_of_a_comparison_is_that_of_its_uncertainty(uncertainty, ax):
    plot_comparison({"a": uncertainty.empirical}, ax=ax, uncertainties={"a": uncertainty}, of="shape")
    limits = ax.collections[0].get_datalim(ax.transData)
    expected = uncertainty.band()[uncertainty.usable] / uncertainty.empirical.sill_apriori
    assert (limits.y0, limits.y1) == pytest.approx((expected.min(), expected.max()))
    with pytest.raises(ValueError, match="uncertainties hold one of another variogram"):
        plot_comparison({"a": variogram()}, uncertainties={"a": uncertainty})


def test_several_epochs_go_along_a_scale_of_colours(ax):
    plot_comparison({f"epoch {k}": variogram(1 + k / 5) for k in range(5)}, ax=ax)
    colours = [mpl.colors.to_rgb(handle.get_color()) for handle in labelled(ax).values()]
    lightness = [0.3 * red + 0.6 * green + 0.1 * blue for red, green, blue in colours]
    assert lightness == sorted(lightness)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"variograms": {}}, ValueError, "Invalid variograms without an entry"),
        ({"variograms": [variogram()]}, TypeError, "Invalid variograms of type list. Must be Mapping"),
        ({"variograms": {"a": 1}}, TypeError, "Invalid variograms['a'] of type int. Must be EmpiricalVariogram"),
        ({"variograms": {"a": variogram()}, "models": {"b": MODEL}}, ValueError, "models for 'b'. Must be among 'a'"),
        ({"variograms": {"a": variogram()}, "models": {"a": "x"}}, TypeError, "Invalid model of type str"),
        ({"variograms": {"a": variogram()}, "models": [MODEL]}, TypeError, "Invalid models of type list"),
        ({"variograms": {"a": variogram()}, "uncertainties": {"a": MODEL}}, TypeError, "from jackknife or bootstrap"),
        ({"variograms": {"a": variogram()}, "of": "sill"}, ValueError, "Invalid of 'sill'"),
        ({"variograms": {"a": variogram(0.0)}, "of": "shape"}, ValueError, "with a-priori sill 0 for a shape"),
    ],
)  # fmt: skip
def test_what_does_not_compare_is_refused(arguments, error, words, ax):
    with pytest.raises(error, match=re.escape(words)):
        plot_comparison(arguments.pop("variograms"), ax=ax, **arguments)


def test_variograms_of_different_kinds_do_not_share_axes(uncertainty):
    with pytest.raises(ValueError, match=r"Invalid variograms of different metric: geodesic, given\. They share axes"):
        plot_comparison({"a": uncertainty.empirical, "b": variogram()})


def test_a_training_of_few_steps_is_drawn_as_it_is(ax):
    plot_training({"plain": [3.0, 2.0, 1.5], "weighted": np.array([3, 1])}, ax=ax)
    plain, weighted = ax.get_lines()
    assert (plain.get_xdata().tolist(), plain.get_ydata().tolist()) == ([1, 2, 3], [3.0, 2.0, 1.5])
    assert (weighted.get_xdata().tolist(), weighted.get_ydata().tolist()) == ([1, 2], [3.0, 1.0])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")


def test_many_steps_are_pale_with_their_running_mean(ax):
    values = np.random.default_rng(0).normal(size=90)
    plot_training({"plain": values}, ax=ax, steps=np.arange(90) * 10, quantity="error (km)")
    raw, smooth = ax.get_lines()
    np.testing.assert_array_equal(raw.get_ydata(), values)
    assert raw.get_alpha() < 0.5
    # A thirtieth of 90 steps: three.
    np.testing.assert_allclose(smooth.get_ydata()[1:-1], [values[k - 1 : k + 2].mean() for k in range(1, 89)])
    assert smooth.get_ydata()[0] == pytest.approx(values[:2].mean())
    assert smooth.get_xdata()[-1] == 890
    assert ax.get_ylabel() == "error (km)"


def test_several_seeds_are_their_mean_and_what_they_span(ax):
    plot_training({"plain": [[1.0, 2.0], [3.0, 6.0]]}, ax=ax)
    assert ax.get_lines()[0].get_ydata().tolist() == [2.0, 4.0]
    limits = ax.collections[0].get_datalim(ax.transData)
    assert (limits.y0, limits.y1) == (1.0, 6.0)


def test_a_training_that_breaks_down_ends_with_a_cross_and_says_where(ax):
    plot_training({"a": [3.0, 2.0, np.nan, 1.0], "b": [np.inf, 1.0]}, ax=ax, quantity="loss")
    assert list(labelled(ax)) == ["a (not finite from step 3)", "b (not finite from step 1)"]
    crosses = [line for line in ax.get_lines() if line.get_marker() == "x"]
    assert [cross.get_xdata().tolist() for cross in crosses] == [[2.0], []]
    assert np.isnan(ax.get_lines()[1].get_ydata()[2])


@pytest.mark.parametrize(
    ("curves", "steps", "error", "words"),
    [
        ({}, None, ValueError, "Invalid curves without an entry"),
        ([1.0, 2.0], None, TypeError, "Invalid curves of type list. Must be Mapping"),
        ({"a": []}, None, ValueError, "Invalid curves['a'] of shape (0,)"),
        ({"a": np.ones((1, 2, 3))}, None, ValueError, "Invalid curves['a'] of shape (1, 2, 3)"),
        ({"a": [np.nan]}, None, ValueError, "Invalid curves['a'] without a finite value"),
        ({"a": ["x"]}, None, TypeError, "Invalid curves['a'] of dtype"),
        ({"a": [1.0, 2.0]}, [1, 2, 3], ValueError, "steps has shape (3,) but curves['a'] has 2 steps"),
        ({"a": [1.0, 2.0]}, [2, 1], ValueError, "Invalid steps. Must be finite and increase"),
        ({"a": [1.0, 2.0]}, [1, np.inf], ValueError, "Invalid steps. Must be finite and increase"),
    ],
)
def test_what_is_no_training_is_refused(curves, steps, error, words):
    with pytest.raises(error, match=re.escape(words)):
        plot_training(curves, steps=steps)


def test_the_users_names_are_drawn_as_they_are():
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    plot_training({name: [1.0, 2.0] for name in NASTY}, ax=ax, quantity="$\\bad")
    figure.canvas.draw()
    texts = ax.get_legend().get_texts()
    assert len(texts) == len(NASTY)
    # What is drawn is the text after its dollars are put back, and no mathematics.
    shown = []
    for text in texts:
        plain, is_math = text._preprocess_math(text.get_text())
        assert not is_math
        shown.append(plain.strip())
    assert shown == ["$x$ and $\\frac{1}", "_hidden", "two lines", "x" * 48 + "…", "<b>&amp;</b>", "100 $"]
    assert ax.yaxis.label._preprocess_math(ax.get_ylabel()) == ("$\\bad", False)


def test_the_labels_of_groups_are_drawn_as_they_are_and_a_legend_of_many_ends(ax):
    random = np.random.default_rng(0)
    lonlat, values = random.uniform(0, 10, (60, 2)), random.normal(size=60)
    labels = [f"_$group{k:02d}$" for k in np.arange(60) // 3]
    bins = LagBins([0, 5000])
    grouped = grouped_variogram(lonlat, values, bins, labels, dissimilarity="half_squared")
    plot_groups(grouped, ax=ax)
    shown = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(shown) == 12
    assert (shown[0], shown[1], shown[-1]) == ("pooled", " _\\$group00\\$", "and 10 more")
    ax.figure.canvas.draw()
