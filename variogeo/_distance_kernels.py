"""Kernels: how much of a soft label goes to a sample at a given lag."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from variogeo._cards import kernel_html
from variogeo._checks import check_number
from variogeo._model import VariogramModel, check_model, checked_lag
from variogeo._namespace import array_namespace


class DistanceKernel(ABC):
    r"""A frozen callable ``K(lag)``: 1 at lag 0, never below 0, falling with the lag.

    `variogeo.nn.SoftTargets` divides each row of ``K`` by its sum, so only the shape counts. Works on numpy arrays
    and torch tensors. Values too small for their dtype become 0, never NaN.
    """

    @abstractmethod
    def _decay(self, lag: Any) -> Any:
        """Return the kernel of lags that are floats and not negative."""

    def __call__(self, lag: Any) -> Any:
        """Return the kernel at ``lag``.

        Parameters
        ----------
        lag : float, array or tensor, km
            Not negative. NaN gives NaN. A tensor gives a tensor of its dtype and device.
        """
        return self._decay(checked_lag(lag))[()]

    _repr_html_ = kernel_html


@dataclass(frozen=True)
class ExponentialKernel(DistanceKernel):
    r"""Exponential decay.

    .. math:: K(h) = \exp(-h / \sigma)

    Parameters
    ----------
    scale : float, km
        ``sigma``: the lag at which a sample counts 37 % of the positive.

    Notes
    -----
    The label smoothing of PIGEON, ``exp(-(h - h_min) / 75 km)``, is ``ExponentialKernel(75.0)`` once rows are divided
    by their sum: the factor ``exp(h_min / 75 km)`` of a row cancels.

    A scale that is long beside the distances that the model can tell apart makes neighbours indistinguishable: fine
    accuracy falls first. Look at `variogeo.nn.SoftTargets.self_mass`.

    References
    ----------
    .. [1] Haas, Skreta, Alberti, Finn. "PIGEON: Predicting Image Geolocations", CVPR 2024, arXiv 2307.05845.

    Examples
    --------
    >>> from variogeo import ExponentialKernel
    >>> ExponentialKernel(75.0)([0.0, 75.0, 20_000.0]).round(3)
    array([1.   , 0.368, 0.   ])
    """

    scale: float

    def __post_init__(self) -> None:
        _check_positive(self, "scale", unit="km")

    def _decay(self, lag: Any) -> Any:
        return array_namespace(lag).exp(-lag / self.scale)


@dataclass(frozen=True)
class GaussianKernel(DistanceKernel):
    r"""Gaussian decay: flat near 0, then faster than exponential.

    .. math:: K(h) = \exp\left(-\tfrac12 (h / \sigma)^2\right)

    Parameters
    ----------
    scale : float, km
        ``sigma``: the lag at which a sample counts 61 % of the positive.

    Notes
    -----
    Samples well within ``sigma`` count as much as the positive: the label does not tell them apart.

    Examples
    --------
    >>> from variogeo import GaussianKernel
    >>> GaussianKernel(10.0)([0.0, 1.0, 10.0, 30.0]).round(3)
    array([1.   , 0.995, 0.607, 0.011])
    """

    scale: float

    def __post_init__(self) -> None:
        _check_positive(self, "scale", unit="km")

    def _decay(self, lag: Any) -> Any:
        share = lag / self.scale
        return array_namespace(lag).exp(-0.5 * share * share)


@dataclass(frozen=True)
class PowerKernel(DistanceKernel):
    r"""Decay by a power: a long tail.

    .. math:: K(h) = (1 + h / \sigma)^{-p}

    Parameters
    ----------
    scale : float, km
        ``sigma``.
    power : float
        ``p``, above 0. The larger, the shorter the tail.

    Notes
    -----
    The tail never ends. With many columns the far samples together outweigh the positive, e.g. with ``p = 1``:
    give `variogeo.nn.SoftTargets` a ``cutoff`` or ``top_k``.

    Examples
    --------
    >>> from variogeo import PowerKernel
    >>> PowerKernel(10.0, 2.0)([0.0, 10.0, 90.0])
    array([1.  , 0.25, 0.01])
    """

    scale: float
    power: float

    def __post_init__(self) -> None:
        _check_positive(self, "scale", unit="km")
        _check_positive(self, "power")

    def _decay(self, lag: Any) -> Any:
        xp = array_namespace(lag)
        return xp.exp(-self.power * xp.log1p(lag / self.scale))


@dataclass(frozen=True)
class StepKernel(DistanceKernel):
    r"""All samples within a radius alike, none beyond.

    .. math:: K(h) = 1[h \le \sigma]

    Parameters
    ----------
    scale : float, km
        ``sigma``: the radius, which belongs to the inside.

    Notes
    -----
    Two samples just on either side of the radius are treated as differently as can be: prefer a kernel that decays
    where the radius is not one of the problem's own.

    Examples
    --------
    >>> from variogeo import StepKernel
    >>> StepKernel(25.0)([0.0, 25.0, 25.1])
    array([1., 1., 0.])
    """

    scale: float

    def __post_init__(self) -> None:
        _check_positive(self, "scale", unit="km")

    def _decay(self, lag: Any) -> Any:
        xp = array_namespace(lag)
        inside = xp.where(lag <= self.scale, 1.0 + xp.zeros_like(lag), xp.zeros_like(lag))
        # Neither within nor beyond: a broken coordinate stays visible.
        return xp.where(xp.isnan(lag), lag, inside)


@dataclass(frozen=True)
class CorrelogramKernel(DistanceKernel):
    r"""The correlogram of a fitted curve: the bandwidth that the data themselves have.

    .. math:: K(h) = 1 - \frac{\gamma(h) - n}{s}, \quad K(0) = 1

    Parameters
    ----------
    model : VariogramModel
        With a partial sill above 0. `variogeo.nn.SoftTargets` also takes the model itself.

    Raises
    ------
    ValueError
        For a pure nugget, which has no correlogram.

    Notes
    -----
    The nugget does not enter. Of a nested curve the long structure dominates at large lags, and then most of a row
    may go to samples beyond a city: ``CorrelogramKernel(model.first)`` keeps the short structure alone.

    Examples
    --------
    >>> from variogeo import CorrelogramKernel, Exponential
    >>> curve = Exponential(nugget=0.2, partial_sill=0.1, effective_range=100.0)
    >>> CorrelogramKernel(curve)([0.0, 100.0]).round(2)
    array([1.  , 0.05])
    """

    model: VariogramModel

    def __post_init__(self) -> None:
        check_model(self.model)
        if not self.model.partial_sill > 0:
            msg = "Invalid model with a partial sill of zero. Must rise with the lag: a pure nugget has no correlogram."
            raise ValueError(msg)

    def _decay(self, lag: Any) -> Any:
        # A curve of the user's own may overshoot its sill.
        return array_namespace(lag).clip(self.model.correlogram(lag), 0.0, None)


@dataclass(frozen=True)
class SimilarityKernel(DistanceKernel):
    r"""The expected similarity of a fitted curve through a softmax.

    .. math:: K(h) = \exp(-\gamma(h) / \tau), \qquad
       q = \text{softmax}(G / \tau) \text{ with } G_{ij} = -\gamma(h_{ij})

    Parameters
    ----------
    model : VariogramModel
        With a sill above 0.
    temperature : float
        ``tau``, in the unit of the semivariance. Small beside the sill: labels of the near only.

    Notes
    -----
    The nugget sets the positive apart by the factor ``exp(nugget / tau)``. Far samples keep ``exp(-sill / tau)`` each:
    with many columns and ``tau`` near the sill that is nearly label smoothing.

    References
    ----------
    .. [1] Sobal et al. "X-Sample Contrastive Loss: Improving Contrastive Learning with Sample Similarity Graphs"
       (X-CLR), arXiv 2407.18134: soft labels from a softmax over similarities.

    Examples
    --------
    >>> from variogeo import Exponential, SimilarityKernel
    >>> curve = Exponential(nugget=0.1, partial_sill=0.2, effective_range=100.0)
    >>> SimilarityKernel(curve, temperature=0.1)([0.0, 100.0, 20_000.0]).round(3)
    array([1.   , 0.055, 0.05 ])
    """

    model: VariogramModel
    temperature: float

    def __post_init__(self) -> None:
        check_model(self.model)
        _check_positive(self, "temperature")
        if not self.model.sill > 0:
            msg = "Invalid model with a sill of zero. Must rise with the lag: all samples would be alike."
            raise ValueError(msg)

    def _decay(self, lag: Any) -> Any:
        return array_namespace(lag).exp(-self.model(lag) / self.temperature)


def _check_positive(kernel: Any, name: str, *, unit: str = "") -> None:
    """Check a field that must be above 0, and store it as a float."""
    object.__setattr__(kernel, name, check_number(getattr(kernel, name), name=name, above=0.0, unit=unit))
