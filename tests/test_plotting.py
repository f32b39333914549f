"""What is drawn equals the data, and nothing else of the user's is touched."""

import dataclasses
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from variogeo import (
    DecorrelationWeighting,
    EmpiricalVariogram,
    Exponential,
    FarWeighting,
    LagBins,
    LagSpread,
    MaskWeighting,
    NearWeighting,
    ResidualWeighting,
    Stable,
    ThesisMultiplier,
    UniformWeighting,
    VariogramFit,
    Weighting,
    empirical_variogram,
    fit_variogram,
    variogram_from_pairs,
)
from variogeo.plotting import plot_comparison, plot_variogram, plot_weights
from variogeo.plotting._weights import TAKEN_OUT

MODEL = Exponential(nugget=0.1, partial_sill=0.3, effective_range=300.0)


def empirical() -> EmpiricalVariogram:
    """Return five bins: 40 pairs, 5 pairs, none, 100 pairs, 60 pairs, and 3 pairs at zero lag."""
    random = np.random.default_rng(0)
    spans = [(0.1, 10, 40), (10.1, 50, 5), (100.1, 500, 100), (500.1, 900, 60)]
    lag = np.concatenate([random.uniform(low, high, count) for low, high, count in spans] + [np.zeros(3)])
    return variogram_from_pairs(lag, random.uniform(0.1, 0.9, len(lag)), LagBins([0, 10, 50, 100, 500, 900]))


def fit(*, converged: bool) -> VariogramFit:
    outcome = "fitted" if converged else "no sill within the data"
    return VariogramFit(MODEL, 0.01, -10.0, converged, outcome, "", "npairs", 5, 3)  # type: ignore[arg-type]


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def line(ax: Axes, start: str) -> Any:
    """Return the one line whose label starts so."""
    (found,) = [line for line in ax.get_lines() if str(line.get_label()).startswith(start)]
    return found


def labels(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_points_lie_at_the_mean_lags_and_semivariances(ax: Axes) -> None:
    data = empirical()
    plot_variogram(data, ax=ax)
    many = data.npairs >= 30
    assert many.tolist() == [True, False, False, True, True]
    drawn = line(ax, "semivariance")
    assert drawn.get_xdata().tolist() == data.lag[many].tolist()
    assert drawn.get_ydata().tolist() == data.semivariance[many].tolist()


def test_bins_with_few_pairs_are_hollow_and_empty_bins_are_not_drawn(ax: Axes) -> None:
    data = empirical()
    plot_variogram(data, ax=ax)
    hollow = line(ax, "fewer than 30 pairs")
    assert hollow.get_xdata().tolist() == [data.lag[1]]
    assert hollow.get_ydata().tolist() == [data.semivariance[1]]
    assert hollow.get_markerfacecolor() == "white"
    assert line(ax, "semivariance").get_markerfacecolor() != "white"


def test_without_few_pairs_the_legend_speaks_of_none(ax: Axes) -> None:
    plot_variogram(variogram_from_pairs(np.full(50, 5.0), np.full(50, 0.2), LagBins([1, 10])), ax=ax)
    assert labels(ax) == ["a-priori sill", "semivariance"]


def test_bars_are_the_numbers_of_pairs_over_their_bins(ax: Axes) -> None:
    data = empirical()
    plot_variogram(data, ax=ax)
    (bars,) = [other for other in ax.figure.axes if other is not ax]
    assert [bar.get_height() for bar in bars.patches] == data.npairs.tolist()
    assert [bar.get_x() + bar.get_width() for bar in bars.patches] == pytest.approx(data.bins.high)
    # A logarithmic axis has no 0: the first bin starts at a tenth of its upper edge.
    assert [bar.get_x() for bar in bars.patches] == pytest.approx([1.0, *data.bins.low[1:]])
    assert bars.get_ylabel() == "pairs"
    assert bars.get_zorder() < ax.get_zorder()


def test_the_a_priori_sill_is_a_line_across(ax: Axes) -> None:
    data = empirical()
    plot_variogram(data, ax=ax)
    assert list(line(ax, "a-priori sill").get_ydata()) == [data.sill_apriori] * 2


def test_the_curve_is_the_model_over_all_measured_lags(ax: Axes) -> None:
    data = empirical()
    plot_variogram(data, MODEL, ax=ax)
    curve = line(ax, "Exponential")
    lags, values = curve.get_xdata(), curve.get_ydata()
    assert np.array_equal(values, MODEL(lags))
    assert lags.min() < np.nanmin(data.lag) < np.nanmax(data.lag) < lags.max()
    assert curve.get_linestyle() == "-"


def test_the_effective_range_is_marked_in_km_where_it_lies_among_the_lags(ax: Axes) -> None:
    plot_variogram(replace(empirical(), metric="geodesic"), MODEL, ax=ax)
    assert list(line(ax, "effective range 300 km").get_xdata()) == [300.0] * 2


def test_nugget_and_sill_are_lines_across_named_once(ax: Axes) -> None:
    plot_variogram(empirical(), MODEL, ax=ax)
    guide = line(ax, "nugget 0.1, sill 0.4")
    # In the legend colour and width are the same, so the dashes tell them apart.
    assert guide.get_linestyle() != line(ax, "effective range 300").get_linestyle()
    across = [list(one.get_ydata()) for one in ax.get_lines() if one.get_color() == guide.get_color()]
    assert list(guide.get_ydata()) == [0.1, 0.1]
    assert [MODEL.sill] * 2 in across


def test_a_sill_far_above_all_that_was_measured_has_no_line(ax: Axes) -> None:
    plot_variogram(empirical(), Exponential(0.1, 5.0, 1e5), ax=ax)
    assert ax.get_ylim()[1] < 1.0
    assert "nugget 0.1, sill 5.1" in labels(ax)


def test_lags_in_a_unit_of_the_users_are_not_called_km(ax: Axes) -> None:
    data = empirical()
    assert data.metric == "given"
    plot_variogram(data, MODEL, ax=ax)
    assert "effective range 300" in labels(ax)


def test_bins_with_few_pairs_lie_on_grey(ax: Axes) -> None:
    data = empirical()
    plot_variogram(data, ax=ax)
    (bars,) = [other for other in ax.figure.axes if other is not ax]
    (grey,) = bars.collections
    spans = [(path.get_extents().x0, path.get_extents().x1) for path in grey.get_paths()]
    # Of 5 pairs and of none; over the whole height of the plot.
    assert spans == [(10.0, 50.0), (50.0, 100.0)]
    assert grey.get_transform().transform((10.0, 1.0))[1] == pytest.approx(bars.bbox.y1)


@pytest.mark.parametrize("effective_range", [1e-3, 1e5])
def test_an_effective_range_outside_the_lags_is_not_marked(effective_range: float, ax: Axes) -> None:
    plot_variogram(empirical(), Exponential(0.1, 0.3, effective_range), ax=ax)
    assert not [label for label in labels(ax) if "range" in label]


def test_a_converged_fit_is_solid_and_another_dashed_with_its_outcome(ax: Axes) -> None:
    plot_variogram(empirical(), fit(converged=True), ax=ax)
    assert line(ax, "Exponential").get_linestyle() == "-"
    assert "Exponential" in labels(ax)
    other = plot_variogram(empirical(), fit(converged=False), ax=Figure().subplots())
    assert line(other, "Exponential").get_linestyle() == "--"
    assert "Exponential (no sill within the data)" in labels(other)


@pytest.mark.parametrize(
    ("dissimilarity", "words"), [("cosine", "1 - cos"), ("half_squared", "half squared difference")]
)
def test_labels_carry_units(dissimilarity: Any, words: str, ax: Axes) -> None:
    vectors = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    data = empirical_variogram([[8, 50], [9, 50], [12, 50]], vectors, LagBins([1, 900]), dissimilarity=dissimilarity)
    plot_variogram(data, ax=ax)
    assert ax.get_xlabel() == "lag (km)"
    assert ax.get_ylabel() == f"semivariance ({words})"


def test_given_lags_are_not_called_km(ax: Axes) -> None:
    plot_variogram(empirical(), ax=ax)
    assert ax.get_xlabel() == "lag (unit as given)"
    assert ax.get_ylabel() == "semivariance"


def test_the_lag_axis_is_logarithmic_with_plain_numbers_and_the_other_starts_at_zero(ax: Axes) -> None:
    plot_variogram(empirical(), ax=ax)
    assert ax.get_xscale() == "log"
    assert ax.get_ylim()[0] == 0.0
    formatter = ax.xaxis.get_major_formatter()
    assert [formatter(lag, None) for lag in (0.01, 0.5, 20.0, 1000.0, 20000.0)] == [
        "0.01",
        "0.5",
        "20",
        "1,000",
        "20,000",
    ]


def even(low: float = 0.0) -> EmpiricalVariogram:
    """Return four bins of 100, with 40 pairs each at the middle and a curve through them."""
    lag = np.repeat(low + np.array([50.0, 150.0, 250.0, 350.0]), 40)
    return variogram_from_pairs(lag, MODEL(lag), LagBins.linear(low, low + 400, 4))


def test_evenly_spaced_bins_have_a_linear_axis_from_zero_with_bars_as_wide_as_they_are(ax: Axes) -> None:
    plot_variogram(even(), MODEL, ax=ax)
    assert ax.get_xscale() == "linear"
    assert ax.get_xlim()[0] == 0.0
    assert ax.xaxis.get_major_formatter()(2000.0, None) == "2,000"
    (bars,) = [other for other in ax.figure.axes if other is not ax]
    assert [(bar.get_x(), bar.get_width()) for bar in bars.patches] == [(0, 100), (100, 100), (200, 100), (300, 100)]
    curve = line(ax, "Exponential")
    np.testing.assert_allclose(curve.get_ydata(), MODEL(curve.get_xdata()))
    # From next to 0, where its nugget is, to beyond the last mean lag.
    assert 0 < curve.get_xdata()[0] < 1
    assert curve.get_xdata()[-1] > 350


def test_variograms_in_one_plot_have_a_linear_axis_only_if_all_are_evenly_spaced(ax: Axes) -> None:
    both = {"near": even(), "far": even(400.0)}
    plot_comparison(both, ax, models=dict.fromkeys(both, MODEL))
    assert ax.get_xscale() == "linear"
    curves = [drawn.get_xdata() for drawn in ax.get_lines() if len(drawn.get_xdata()) > 100]
    assert len(curves) == 2
    assert all(0 < lags[0] < 1 for lags in curves)
    other = plot_comparison({**both, "uneven": empirical()}, Figure().subplots())
    assert other.get_xscale() == "log"


def test_a_second_curve_in_the_same_axes_is_shown_whole() -> None:
    longer = variogram_from_pairs(
        np.repeat([500.0, 1500.0], 40), MODEL(np.repeat([500.0, 1500.0], 40)), LagBins([0, 1000, 2000])
    )
    uneven = empirical()
    for order, scale in (
        ((even(), longer), "linear"), ((longer, even()), "linear"),
        ((even(), uneven), "log"), ((uneven, even()), "log"),
    ):  # fmt: skip
        ax = Figure().subplots()
        for one in order:
            plot_variogram(one, ax=ax)
        low, high = ax.get_xlim()
        lags = np.concatenate([one.lag[one.npairs > 0] for one in order])
        assert ax.get_xscale() == scale
        assert low < lags.min()
        assert lags.max() < high < 10 * lags.max()
        ax.figure.canvas.draw()


def test_evenly_spaced_bins_far_from_zero_fill_their_axis(ax: Axes) -> None:
    plot_variogram(even(5000.0), MODEL, ax=ax)
    assert ax.get_xlim()[0] > 4900
    assert line(ax, "Exponential").get_xdata()[0] > 4900


def test_the_given_axes_are_returned_by_both_plots() -> None:
    first, second = Figure().subplots(1, 2)
    assert plot_variogram(empirical(), ax=first) is first
    assert plot_weights(ResidualWeighting(MODEL), ax=second) is second


@pytest.mark.parametrize("draw", [lambda: plot_variogram(empirical()), lambda: plot_weights(ResidualWeighting(MODEL))])
def test_without_axes_a_new_figure_is_made(draw: Any) -> None:
    from matplotlib import pyplot as plt

    plt.switch_backend("Agg")
    before = plt.get_fignums()
    ax = draw()
    assert len(plt.get_fignums()) == len(before) + 1
    plt.close(ax.figure)


def test_global_settings_stay_as_they_were(ax: Axes) -> None:
    before = dict(mpl.rcParams)
    plot_variogram(empirical(), MODEL, ax=ax)
    plot_weights(ResidualWeighting(MODEL), ax=Figure().subplots())
    assert dict(mpl.rcParams) == before


def test_the_data_stay_as_they_were(ax: Axes) -> None:
    data, model = empirical(), Exponential(0.1, 0.3, 300.0)
    plot_variogram(data, model, ax=ax)
    assert data == empirical()
    assert model == MODEL


def test_a_variogram_without_variation_draws(ax: Axes) -> None:
    data = variogram_from_pairs([1.0, 5.0], [0.0, 0.0], LagBins([0, 2, 10]))
    plot_variogram(data, Exponential(0.0, 0.0, 5.0), ax=ax)
    ax.figure.savefig(BytesIO())  # type: ignore[union-attr]
    assert line(ax, "fewer than 30 pairs").get_ydata().tolist() == [0.0, 0.0]


def test_a_drawn_figure_is_a_png(ax: Axes) -> None:
    plot_variogram(empirical(), fit(converged=False), ax=ax)
    picture = BytesIO()
    ax.figure.savefig(picture, format="png")  # type: ignore[union-attr]
    assert picture.getvalue().startswith(b"\x89PNG")


@dataclass(frozen=True)
class Excluding(Weighting):
    """Take out similar pairs, and raise the others a little: a scheme of a user's own, without a curve."""

    @property
    def needs_dissimilarity(self) -> bool:
        """True: it reads nothing else."""
        return True

    def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:
        """Return the log-weight."""
        return np.where(dissimilarity + 0 * lag <= 0.3, -np.inf, 0.25)


def mesh(ax: Axes) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return the coloured surface and the lag and dissimilarity at its cells' corners."""
    (surface,) = ax.collections
    rows, columns = surface.get_array().shape
    corners = surface.get_coordinates()
    assert corners.shape == (rows + 1, columns + 1, 2)
    return surface, corners[0, :, 0], corners[:, 0, 1]


MASKING = ResidualWeighting.false_negatives(MODEL, spread=0.1, mask_above=1.0)


@pytest.mark.parametrize(
    "scheme",
    [
        ResidualWeighting(MODEL, strength=2.0),
        ResidualWeighting(MODEL, beyond=np.inf, within=0.0),
        ResidualWeighting(Stable(0.0, 0.3, 2000.0, 0.5), spread=LagSpread((1.0, 100.0), (0.1, 0.2))),
        MASKING,
        ResidualWeighting.hard_negatives(MODEL) + MaskWeighting(25.0),
    ],
    ids=repr,
)
def test_the_surface_is_the_scheme_over_lag_and_dissimilarity(scheme: Weighting, ax: Axes) -> None:
    plot_weights(scheme, ax=ax)
    assert scheme.curve is not None
    lag = line(ax, r"$\gamma(h)$").get_xdata()
    dissimilarity = np.linspace(0.0, 1.6 * scheme.curve.sill, 160)
    surface, lag_edges, dissimilarity_edges = mesh(ax)
    # Each cell lies around the place whose value it shows.
    assert ((lag_edges[:-1] < lag) & (lag < lag_edges[1:])).all()
    assert ((dissimilarity_edges[:-1] < dissimilarity) & (dissimilarity < dissimilarity_edges[1:])).all()
    expected = scheme(lag[None, :] + 0 * dissimilarity[:, None], dissimilarity[:, None] + 0 * lag[None, :])
    finite = np.isfinite(expected)
    assert np.array_equal(np.asarray(surface.get_array())[finite], expected[finite])
    assert np.array_equal(np.ma.getmaskarray(surface.get_array()), ~finite)


@pytest.mark.parametrize("scheme", [ResidualWeighting(MODEL, strength=2.0), Excluding()], ids=repr)
def test_weight_one_is_white_and_the_colours_are_even_around_it(scheme: Weighting, ax: Axes) -> None:
    plot_weights(scheme, ax=ax)
    surface, *_ = mesh(ax)
    assert surface.norm(0.0) == 0.5
    assert surface.norm.vmin == -surface.norm.vmax
    red, green, blue, _ = surface.to_rgba(0.0)
    assert min(red, green, blue) > 0.95


def test_weight_zero_is_grey_with_a_label_and_does_not_stretch_the_colours(ax: Axes) -> None:
    plot_weights(Excluding(), ax=ax)
    surface, _, dissimilarity = mesh(ax)
    assert (surface.norm.vmin, surface.norm.vmax) == (-0.25, 0.25)
    assert dissimilarity[-1] == pytest.approx(1.0, abs=0.01)  # without a curve up to 1
    colours = surface.to_rgba(surface.get_array())
    grey = mpl.colors.to_rgba(TAKEN_OUT)
    assert tuple(colours[0, 0]) == grey
    assert tuple(colours[-1, 0]) != grey
    (patch,) = ax.patches
    assert (patch.get_facecolor(), labels(ax)) == (grey, ["taken out (weight 0)"])


def test_a_scheme_of_ones_own_without_curve_or_mask_has_no_legend(ax: Axes) -> None:
    class Similar(Excluding):
        def __call__(self, lag: Any, dissimilarity: Any = None) -> Any:
            return 1.0 - dissimilarity + 0 * lag

    plot_weights(Similar(), ax=ax)
    assert ax.get_legend() is None
    assert not ax.lines


def test_nothing_is_said_to_be_taken_out_where_nothing_is(ax: Axes) -> None:
    plot_weights(ResidualWeighting(MODEL), ax=ax)
    assert "taken out (weight 0)" not in labels(ax)


def test_a_scheme_without_effect_draws_white(ax: Axes) -> None:
    plot_weights(ResidualWeighting(MODEL, strength=0.0), ax=ax)
    surface, *_ = mesh(ax)
    assert (surface.norm.vmin, surface.norm.vmax) == (-0.1, 0.1)
    assert not np.asarray(surface.get_array()).any()


def test_the_weights_plot_has_the_curve_its_name_and_units(ax: Axes) -> None:
    plot_weights(ResidualWeighting(MODEL), ax=ax)
    curve = line(ax, r"$\gamma(h)$")
    assert np.array_equal(curve.get_ydata(), MODEL(curve.get_xdata()))
    assert curve.get_xdata().max() == pytest.approx(20_015.0, abs=0.2)  # half the Earth's circumference
    assert ax.get_xlabel() == "lag (km)"
    assert ax.get_ylabel() == "dissimilarity"
    assert ax.get_title() == "ResidualWeighting"
    (colours,) = [other for other in ax.figure.axes if other is not ax]
    assert colours.get_ylabel() == "log-weight of a negative"


@pytest.mark.parametrize(
    "scheme",
    [
        UniformWeighting(),
        DecorrelationWeighting(MODEL),
        NearWeighting(2.0, 100.0),
        FarWeighting(1.0),
        FarWeighting(1.0, longest=3000.0),
        MaskWeighting(25.0),
        MaskWeighting(25.0, beyond=1.0, coincident=False),
        NearWeighting(2.0, 100.0) + MaskWeighting(25.0, beyond=1.0),
    ],
    ids=repr,
)
def test_a_scheme_of_the_lag_alone_is_a_line_of_its_weight(scheme: Weighting, ax: Axes) -> None:
    plot_weights(scheme, ax=ax)
    drawn = line(ax, "weight")
    lag, weight = drawn.get_xdata(), drawn.get_ydata()
    expected = np.exp(scheme(lag))
    shown = expected > 0
    assert np.array_equal(weight[shown], expected[shown])
    assert np.isnan(weight[~shown]).all()
    low, high = ax.get_ylim()
    assert low == 0.0
    assert high > max(1.0, expected.max())
    assert ax.get_ylabel() == "weight of a negative"
    # Hatched exactly where negatives are taken out, up to the thresholds themselves.
    assert ("taken out (weight 0)" in labels(ax)) == (not shown.all())
    if not shown.all():
        (band,) = ax.collections
        assert band.get_hatch() == "///"
        hatched = band.get_paths()[0].vertices[:, 0]
        assert hatched.min() == lag[~shown].min()
        assert hatched.max() == lag[~shown].max() == 25.0


def test_the_lags_at_which_the_weight_turns_are_named_once(ax: Axes) -> None:
    scheme = ResidualWeighting(MODEL) + MaskWeighting(25.0, beyond=0.5) + DecorrelationWeighting(MODEL)
    plot_weights(scheme, ax=ax)
    assert labels(ax)[2:] == ["beyond 0.5 km", "within 25 km", "within, beyond, effective range 300 km"]
    assert [line(ax, start).get_xdata()[0] for start in ("beyond", "within 25", "within,")] == [0.5, 25.0, 300.0]
    assert ax.get_title() == "ResidualWeighting + MaskWeighting + DecorrelationWeighting"
    assert ax.get_xlim()[0] == pytest.approx(0.005)  # well before the first of them


def test_a_scheme_that_only_turns_within_metres_or_at_the_antipode_is_drawn_whole(ax: Axes) -> None:
    plot_weights(MaskWeighting(0.01), ax=ax)
    assert ax.get_xlim()[0] == pytest.approx(0.001)
    other = Figure().subplots()
    plot_weights(NearWeighting(1.0, 1e9), ax=other)
    assert other.get_xlim()[0] == pytest.approx(1000.0)


def test_the_surface_of_the_thesis_is_the_logarithm_of_its_multiplier(ax):
    scheme = ThesisMultiplier(Stable(0.1, 0.2, 2000.0, 0.9))
    plot_weights(scheme, ax=ax)
    drawn = ax.collections[0]
    assert ax.figure.axes[1].get_ylabel() == "log of the multiplier of a logit"
    expected = 1.6 * 0.3 - scheme.model(ax.get_xlim()[0])  # c at the top less gamma at the shortest lag
    assert drawn.get_array().max() == pytest.approx(expected, rel=1e-6)
    assert [line.get_label() for line in ax.lines][1] == f"rho {scheme.rho:,.4g} km"
    with pytest.raises(TypeError, match=r"Invalid scheme of type str\. Must be a Weighting"):
        plot_weights("thesis", ax=ax)  # type: ignore[arg-type]


def test_the_legend_leaves_the_axes_their_width() -> None:
    """Six entries: a fit without a sill, its guides, its range within the lags, and a bin of few pairs."""
    lag = np.r_[np.repeat([10.0, 100.0, 900.0], 40), 5000.0]
    empirical = variogram_from_pairs(lag, np.r_[np.repeat([0.1, 0.2, 0.3], 40), 0.3], LagBins([1, 50, 500, 2000, 9000]))
    fit = fit_variogram(empirical, Exponential, weights="equal")
    fit = dataclasses.replace(fit, converged=False, outcome="no sill within the data")
    for width in (7.5, 4.0):
        figure = Figure(figsize=(width, 4.6), layout="constrained")
        ax = plot_variogram(empirical, fit, ax=figure.subplots())
        figure.canvas.draw()
        assert len(ax.get_legend().get_texts()) == 6
        assert ax.get_position().width > 0.6
        assert ax.get_legend().get_window_extent().x1 <= figure.bbox.x1


def test_a_comparison_is_not_a_model() -> None:
    empirical = variogram_from_pairs([1.0, 5.0], [0.1, 0.3], LagBins([0, 2, 10]))
    with pytest.raises(TypeError, match=r"type str\. Must be a model or a fit"):
        plot_variogram(empirical, "Exponential", ax=Figure().subplots())  # type: ignore[arg-type]


def test_the_power_of_ten_of_large_values_does_not_lie_under_the_legend() -> None:
    large = variogram_from_pairs([1.0, 5.0], [1e11, 3e11], LagBins([0, 2, 10]))
    ax = plot_variogram(large, ax=Figure(layout="constrained").subplots())
    ax.figure.draw_without_rendering()
    power = ax.yaxis.get_offset_text()
    assert power.get_text() == "1e11"
    assert not ax.get_legend().get_window_extent().overlaps(power.get_window_extent())
