"""What is minimised: the loss of a batch in every arm, all from one matrix of logits."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from variogeo._weighting import ThesisMultiplier
from variogeo.nn import NegativeWeights, SoftTargets, debiased_cross_entropy, soft_cross_entropy, weighted_cross_entropy


@dataclass(frozen=True, eq=False)
class Batch:
    """Photos of a step and the candidates for their place: the same photos, then maybe a queue.

    Parameters
    ----------
    lonlat : (B, 2) float tensor, degrees
    features : (B, d) float tensor
        Frozen features, the space of the dissimilarity.
    candidate_lonlat : (M, 2) float tensor, degrees
        ``lonlat`` and then the queue; the positives are on the diagonal.
    candidate_features : (M, d) float tensor
    temperature : () float tensor
        Of the logits, without gradient.
    """

    lonlat: Tensor
    features: Tensor
    candidate_lonlat: Tensor
    candidate_features: Tensor
    temperature: Tensor

    @property
    def target(self) -> Tensor:
        """Column of each row's positive, (B,)."""
        return torch.arange(len(self.lonlat), device=self.lonlat.device)

    @property
    def is_negative(self) -> Tensor:
        """Whether each candidate is a negative of each photo, (B, M)."""
        shape = len(self.lonlat), len(self.candidate_lonlat)
        return ~torch.eye(*shape, dtype=torch.bool, device=self.lonlat.device)


class Objective(ABC):
    """A loss of logits (B, M) and their batch, image to location."""

    @abstractmethod
    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the loss, a scalar with gradient."""

    def figures(self, logits: Tensor, batch: Batch) -> dict[str, float]:  # noqa: ARG002
        """Return what the scheme does to this batch: ``mean_weight`` of negatives, ``self_mass`` of soft labels."""
        return {"mean_weight": 1.0}


@dataclass(frozen=True)
class InfoNCE(Objective):
    """Cross entropy on the diagonal, as GeoCLIP's.

    Parameters
    ----------
    smoothing : float
        Share of the label spread evenly over all candidates.
    """

    smoothing: float = 0.0

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the cross entropy."""
        return functional.cross_entropy(logits, batch.target, label_smoothing=self.smoothing)


@dataclass(frozen=True)
class SymmetricInfoNCE(Objective):
    """Mean of the cross entropies image to location and back, as CLIP's; without a queue."""

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean of both."""
        target = batch.target
        return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2


@dataclass(frozen=True, eq=False)
class WeightedInfoNCE(Objective):
    """Cross entropy with weighted negatives.

    Parameters
    ----------
    log_weights : callable
        From a batch to its (B, M) log-weights.
    """

    log_weights: Callable[[Batch], Tensor]

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the weighted cross entropy."""
        return weighted_cross_entropy(logits, self.log_weights(batch), batch.target)

    def figures(self, logits: Tensor, batch: Batch) -> dict[str, float]:  # noqa: ARG002
        """Return the mean weight of the negatives, and the share of them that is changed."""
        log_weights = self.log_weights(batch)[batch.is_negative]
        changed = float((log_weights.abs() > 1e-6).double().mean())
        return {"mean_weight": float(log_weights.exp().mean()), "changed_share": changed}


@dataclass(frozen=True, eq=False)
class SchemeWeights:
    """Log-weights of a batch by a scheme, in degrees with the longitude first.

    Parameters
    ----------
    weights : NegativeWeights
    """

    weights: NegativeWeights

    def __call__(self, batch: Batch) -> Tensor:
        """Return the (B, M) log-weights."""
        return self.weights.log_weights(batch.lonlat, batch.candidate_lonlat, batch.features, batch.candidate_features)


@dataclass(frozen=True, eq=False)
class ShuffledInRow:
    """A control: the weights of another rule, dealt to other negatives of the same row.

    The distribution of the weights stays, and with it their effect on the temperature; what they say about a pair
    is lost.

    Parameters
    ----------
    log_weights : callable
        From a batch to its (B, M) log-weights.
    generator : torch.Generator
        On the host.
    """

    log_weights: Callable[[Batch], Tensor]
    # Of its own: the global one makes the dropout masks, which are the same in all arms of a seed. Not in the repr,
    # which kept runs are found by: it would hold an address.
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0), repr=False)

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Tensor:
        """Return the shuffled (B, M) log-weights; the positives keep theirs."""
        log_weights = self.log_weights(batch)
        rows, columns = log_weights.shape
        negatives = log_weights[batch.is_negative].view(rows, columns - 1)
        order = torch.rand(negatives.shape, generator=self.generator).argsort(dim=1).to(negatives.device)
        shuffled = log_weights.clone()
        shuffled[batch.is_negative] = negatives.gather(1, order).flatten()
        return shuffled


@dataclass(frozen=True, eq=False)
class SoftLabels(Objective):
    """Cross entropy against labels that decay with distance.

    Parameters
    ----------
    targets : SoftTargets
    """

    targets: SoftTargets

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the soft cross entropy."""
        return soft_cross_entropy(logits, self.targets(batch.lonlat, batch.candidate_lonlat))

    def figures(self, logits: Tensor, batch: Batch) -> dict[str, float]:  # noqa: ARG002
        """Return the mean label of a photo's own place."""
        return {"self_mass": float(self.targets(batch.lonlat, batch.candidate_lonlat).diagonal().mean())}


@dataclass(frozen=True)
class HardContrastive(Objective):
    """Hard negatives by the model's own similarity (HCL, Robinson et al. 2021), debiased (Chuang et al. 2020).

    Parameters
    ----------
    concentration : float
        ``beta`` of HCL: negatives are weighted by ``exp(beta logit)``.
    class_prior : float
        ``tau+``: the probability that a negative is none.
    """

    concentration: float
    class_prior: float = 0.0

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the debiased cross entropy."""
        return debiased_cross_entropy(
            logits,
            batch.target,
            concentration=self.concentration,
            class_prior=self.class_prior,
            temperature=batch.temperature,
        )

    def figures(self, logits: Tensor, batch: Batch) -> dict[str, float]:
        """Return the mean weight as the loss feels it: weighted negatives over unweighted ones, in the denominator."""
        negatives = logits.double().masked_fill(~batch.is_negative, -torch.inf)
        steps = (self.concentration * logits.double()).masked_fill(~batch.is_negative, -torch.inf)
        count = torch.log(batch.is_negative.sum(dim=1).double())
        weighted = torch.logsumexp(steps + negatives, 1) - torch.logsumexp(steps, 1) + count
        return {"mean_weight": float((weighted - torch.logsumexp(negatives, 1)).exp().mean())}


@dataclass(frozen=True, eq=False)
class ThesisLogits(Objective):
    """The thesis' rule: logits of negatives multiplied, in degrees with the longitude first.

    Parameters
    ----------
    multiplier : ThesisMultiplier
    lags : NegativeWeights
        Of any scheme: it supplies the lags.
    """

    multiplier: ThesisMultiplier
    lags: NegativeWeights

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the cross entropy of the multiplied logits."""
        return functional.cross_entropy(logits * self._multipliers(batch), batch.target)

    def figures(self, logits: Tensor, batch: Batch) -> dict[str, float]:
        """Return the mean of what the weights would be that give the same logits."""
        multiplied = (self._multipliers(batch) - 1.0) * logits
        return {"mean_weight": float(multiplied[batch.is_negative].exp().mean())}

    @torch.no_grad()
    def _multipliers(self, batch: Batch) -> Tensor:
        """Return the (B, M) multipliers, 1 at the positives."""
        lag = self.lags.coordinates.pairwise_lag(batch.lonlat, batch.candidate_lonlat)
        first, second = (functional.normalize(f, dim=1) for f in (batch.features, batch.candidate_features))
        multiplier = self.multiplier(lag.float(), 1 - first @ second.T)
        return torch.where(batch.is_negative, multiplier, 1.0)
