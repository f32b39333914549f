"""The plot of what a training did, step by step."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import as_real_array
from variogeo.plotting._axes import CURVE, axes_or_new, checked, hues, legend_above, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SMOOTHED = 60
"""Steps above which single values are noise to the eye, and their running mean is drawn over them."""


def plot_training(
    curves: Mapping[str, Any],
    ax: "Axes | None" = None,
    *,
    steps: Any = None,
    quantity: str = "loss",
) -> "Axes":
    """Plot what was measured in each step of one or several trainings: losses, errors, a misfit.

    Parameters
    ----------
    curves : mapping of str to (steps,) or (seeds, steps) float array
        By name, e.g. ``{"plain": losses, "weighted": losses}``. Of several seeds the mean is a line, and what they span
        is pale.
    ax : matplotlib Axes, optional
        Drawn into; a new figure otherwise.
    steps : (steps,) float array, optional
        Numbers of the steps, increasing, the same for all; by default 1, 2, 3 ...
    quantity : str
        What was measured, with its unit: the label of the vertical axis.

    Returns
    -------
    matplotlib Axes
        More than 60 steps are drawn pale, with their running mean over a thirtieth of the training. Where a value is
        not finite the curve ends with a cross, and its name says at which step.

    Raises
    ------
    ValueError
        Without a curve, for other shapes, without a single finite value, and for steps that do not increase or are as
        many as no curve has.
    TypeError
        For arrays that do not hold real numbers.

    Notes
    -----
    Losses of two schemes are not on one scale: weights change the loss itself. Compare errors of predictions.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from variogeo.plotting import plot_training
    >>> losses = {"plain": 4 * np.exp(-np.arange(40) / 20), "weighted": [3.0, 2.0, np.nan, 1.0]}
    >>> ax = plot_training(losses, ax=Figure().subplots())
    >>> ax.get_legend_handles_labels()[1], ax.get_ylabel()
    (['plain', 'weighted (not finite from step 3)'], 'loss')
    """
    checked(curves, Mapping, "curves", '{"plain": losses, "weighted": losses}')
    if not curves:
        msg = "Invalid curves without an entry. Must hold at least one array of numbers by its name."
        raise ValueError(msg)
    runs = {label: _runs(values, label) for label, values in curves.items()}
    at = None if steps is None else _checked_steps(steps, runs)
    ax = axes_or_new(ax)
    for (label, values), colour in zip(runs.items(), hues(len(runs)), strict=True):
        _draw_runs(values, np.arange(1.0, values.shape[1] + 1) if at is None else at, colour, label, ax)
    ax.set_xlabel("step")
    ax.set_ylabel(literal(quantity))
    ax.grid(visible=True, axis="y", linewidth=0.5, alpha=0.4)
    legend_above(ax)
    return ax


def _runs(values: Any, label: str) -> NDArray[np.float64]:
    """Return values as (seeds, steps)."""
    array = as_real_array(values, name=f"curves[{label!r}]").astype(np.float64)
    if array.ndim not in (1, 2) or not array.size:
        msg = f"Invalid curves[{label!r}] of shape {array.shape}. Must be (steps,) or (seeds, steps), not empty."
        raise ValueError(msg)
    if not np.isfinite(array).any():
        msg = f"Invalid curves[{label!r}] without a finite value. Leave it out, and look at its first step."
        raise ValueError(msg)
    return np.atleast_2d(array)


def _checked_steps(steps: Any, runs: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return numbers of steps, or refuse those that do not belong to every curve."""
    at = as_real_array(steps, name="steps").astype(np.float64)
    for label, values in runs.items():
        if at.shape != values.shape[1:]:
            msg = f"steps has shape {at.shape} but curves[{label!r}] has {values.shape[1]} steps. One number for each."
            raise ValueError(msg)
    if not (np.isfinite(at).all() and (np.diff(at) > 0).all()):
        msg = "Invalid steps. Must be finite and increase: sort the values by their steps."
        raise ValueError(msg)
    return at


def _draw_runs(values: NDArray[np.float64], at: NDArray[np.float64], colour: Any, label: str, ax: "Axes") -> None:
    """Draw the mean of the seeds with what they span, and where it ends."""
    broken = np.flatnonzero(~np.isfinite(values).all(axis=0))
    name = literal(label)
    values = np.where(np.isfinite(values), values, np.nan)
    mean = values.mean(axis=0)
    many = len(mean) > _SMOOTHED
    if len(values) > 1:
        ax.fill_between(at, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
    elif many:
        ax.plot(at, mean, color=colour, linewidth=0.7, alpha=0.3)
    if broken.size:
        name = f"{name} (not finite from step {at[broken[0]]:g})"
        last = np.flatnonzero(np.isfinite(mean[: broken[0]]))[-1:]
        ax.plot(at[last], mean[last], "x", color=CURVE, markersize=8, markeredgewidth=2, zorder=4)
    ax.plot(at, _running_mean(mean, len(mean) // 30) if many else mean, color=colour, linewidth=1.8, label=name)


def _running_mean(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the mean of the values around each, of fewer at both ends; NaN near those that are."""
    window = np.ones(2 * (width // 2) + 1)
    return np.convolve(values, window, mode="same") / np.convolve(np.ones(len(values)), window, mode="same")
