"""sentence-transformers: MultipleNegativesRankingLoss, plain and cached, with weighted negatives."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from variogeo.nn import NegativeWeights, all_gather_rows
from variogeo.trainers._arguments import checked_weights
from variogeo.trainers._labels import places_and_features

try:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.losses import (
        CachedMultipleNegativesRankingLoss,
        MultipleNegativesRankingLoss,
    )
    from sentence_transformers.util import cos_sim, get_rank, similarity_fct_name
except ImportError:
    _msg = (
        "sentence-transformers (6.2 or later) is not installed. "
        "Its extra: pip install 'variogeo[sentence-transformers]' (in a checkout '.[sentence-transformers]')."
    )
    raise ImportError(_msg) from None

Similarity = Callable[[Tensor, Tensor], Tensor]
Directions = tuple[Literal["query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc"], ...]
PartitionMode = Literal["joint", "per_direction"]


class WeightedMultipleNegativesRankingLoss(MultipleNegativesRankingLoss):
    r"""MultipleNegativesRankingLoss with weighted negatives; the places are the ``label`` column of the dataset.

    The similarity ``s`` of a pair becomes :math:`s + \log(w) / \text{scale}`, so that the loss, which is left as it
    is, sees :math:`w\, e^{\text{scale} \cdot s}` in its denominators.

    Parameters
    ----------
    model : SentenceTransformer
        The model that is trained.
    weights : NegativeWeights
        The scheme, and how the coordinates are written. With ``row_mean_one`` for ``"query_to_doc"`` alone.
    scale, similarity_fct, gather_across_devices, directions, partition_mode
        Those of `MultipleNegativesRankingLoss`. ``hardness_mode`` is left out: it would take log-weights for
        similarity, and hard negatives have a scheme of their own, ``ResidualWeighting.hard_negatives``.

    Raises
    ------
    TypeError
        For anything but `NegativeWeights`; from the loss for labels without the features that the scheme needs.
    ValueError
        From the loss for a dataset without the ``label`` column, or with another number of places than documents.

    Notes
    -----
    A row of ``label`` is (2,): the coordinates that anchor and positive share; or (2 + d,) with d frozen features
    behind them, for schemes that read the dissimilarity. With explicit negatives it is (1 + negatives, 2): first the
    place of the pair, then one for each negative. The trainer makes float32 of it, which moves a place by 1 m at
    most; whole numbers (``units="e7"``) stay whole.

    Each embedding carries the number of its row, so that slices and gathered batches find their places, and the
    positive is known by its index: it has weight 1, also where another row is at the same place. Matryoshka losses
    may wrap this one, because the number is appended after they have cut the embeddings.

    Embeddings in half precision become float32 for the similarity.

    Where no gradients are formed, as in the evaluation of the trainer, negatives are not weighted: ``eval_loss`` is
    that of the plain loss, and those of different schemes compare. The trainer never sets the loss to evaluation mode,
    so ``loss.eval()`` changes nothing. The label column is needed there too.

    Examples
    --------
    >>> import torch
    >>> from sentence_transformers import SentenceTransformer
    >>> from sentence_transformers.sentence_transformer.modules import BoW
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> from variogeo.nn import NegativeWeights
    >>> from variogeo.trainers.sentence_transformers import WeightedMultipleNegativesRankingLoss
    >>> curve = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
    >>> weights = NegativeWeights(DecorrelationWeighting(curve), order="lonlat", units="deg")
    >>> model = SentenceTransformer(modules=[BoW(["sea", "harbour", "rain"])], device="cpu")
    >>> loss = WeightedMultipleNegativesRankingLoss(model, weights)
    >>> columns = [model.preprocess(["sea", "harbour"]), model.preprocess(["sea rain", "harbour rain"])]
    >>> near = loss(columns, torch.tensor([[8.0, 50.0], [8.1, 50.0]]))
    >>> far = loss(columns, torch.tensor([[8.0, 50.0], [100.0, 0.0]]))
    >>> near < far  # the near negative counts less
    tensor(True)

    In the training script::

        dataset = Dataset.from_dict({"anchor": anchors, "positive": texts, "label": lonlat.tolist()})
        SentenceTransformerTrainer(model, arguments, dataset, loss=WeightedMultipleNegativesRankingLoss(model, weights))
    """

    similarity_fct: "_WeightedSimilarity"

    def __init__(
        self,
        model: SentenceTransformer,
        weights: NegativeWeights,
        *,
        scale: float = 20.0,
        similarity_fct: Similarity = cos_sim,
        gather_across_devices: bool = False,
        directions: Directions = ("query_to_doc",),
        partition_mode: PartitionMode = "joint",
    ) -> None:
        super().__init__(
            model,
            scale,
            similarity_fct=_WeightedSimilarity(weights, similarity_fct, directions),
            gather_across_devices=gather_across_devices,
            directions=directions,
            partition_mode=partition_mode,
        )

    def compute_loss_from_embeddings(self, embeddings: list[Tensor], labels: Tensor) -> Tensor:
        """Return the loss of embeddings that know their rows; called by the loss's own ``forward``."""
        batches = [[column] for column in embeddings]
        numbered = self.similarity_fct.numbered(batches, labels, scale=self.scale, gather=self.gather_across_devices)
        return super().compute_loss_from_embeddings([column for (column,) in numbered], labels)


class WeightedCachedMultipleNegativesRankingLoss(CachedMultipleNegativesRankingLoss):
    """CachedMultipleNegativesRankingLoss (GradCache) with weighted negatives: large batches in little memory.

    Parameters
    ----------
    model, weights, scale, similarity_fct, gather_across_devices, directions, partition_mode
        See `WeightedMultipleNegativesRankingLoss`, whose result this equals.
    mini_batch_size, mini_batch_num_tokens, show_progress_bar
        Those of `CachedMultipleNegativesRankingLoss`.

    Raises
    ------
    TypeError, ValueError
        See `WeightedMultipleNegativesRankingLoss`.

    Notes
    -----
    The log-weights are made for one slice of rows at a time, as the similarities are.

    Examples
    --------
    >>> import torch
    >>> from sentence_transformers import SentenceTransformer
    >>> from sentence_transformers.sentence_transformer.modules import BoW
    >>> from variogeo import DecorrelationWeighting, Exponential
    >>> from variogeo.nn import NegativeWeights
    >>> from variogeo.trainers.sentence_transformers import WeightedCachedMultipleNegativesRankingLoss
    >>> curve = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
    >>> weights = NegativeWeights(DecorrelationWeighting(curve), order="lonlat", units="deg")
    >>> model = SentenceTransformer(modules=[BoW(["sea", "harbour", "rain"])], device="cpu")
    >>> loss = WeightedCachedMultipleNegativesRankingLoss(model, weights, mini_batch_size=1)
    >>> columns = [model.preprocess(["sea", "harbour"]), model.preprocess(["sea rain", "harbour rain"])]
    >>> near = loss(columns, torch.tensor([[8.0, 50.0], [8.1, 50.0]]))
    >>> far = loss(columns, torch.tensor([[8.0, 50.0], [100.0, 0.0]]))
    >>> near < far
    tensor(True)
    """

    def __init__(
        self,
        model: SentenceTransformer,
        weights: NegativeWeights,
        *,
        scale: float = 20.0,
        similarity_fct: Similarity = cos_sim,
        mini_batch_size: int = 32,
        mini_batch_num_tokens: int | None = None,
        gather_across_devices: bool = False,
        directions: Directions = ("query_to_doc",),
        partition_mode: PartitionMode = "joint",
        show_progress_bar: bool = False,
    ) -> None:
        super().__init__(
            model,
            scale,
            similarity_fct=_WeightedSimilarity(weights, similarity_fct, directions),
            mini_batch_size=mini_batch_size,
            mini_batch_num_tokens=mini_batch_num_tokens,
            gather_across_devices=gather_across_devices,
            directions=directions,
            partition_mode=partition_mode,
            show_progress_bar=show_progress_bar,
        )

    def calculate_loss(
        self, reps: list[list[Tensor]], labels: Tensor | None = None, *, with_backward: bool = False
    ) -> Tensor:
        """Return the loss of cached embeddings that know their rows; called by the loss's own ``forward``."""
        similarity: Any = self.loss.similarity_fct
        numbered = similarity.numbered(reps, labels, scale=self.scale, gather=self.gather_across_devices)
        return super().calculate_loss(numbered, labels, with_backward=with_backward)


class _WeightedSimilarity:
    """A similarity plus ``log_weight / scale``, of embeddings whose last column is their row in a table of places."""

    def __init__(self, weights: NegativeWeights, similarity_fct: Similarity, directions: Directions) -> None:
        checked_weights(weights)
        if weights.row_mean_one and tuple(directions) != ("query_to_doc",):
            msg = (
                f"Invalid directions {directions!r} with weights of row_mean_one. Must be ('query_to_doc',): the other "
                "directions have the rows of another matrix. Pass NegativeWeights(..., row_mean_one=False)."
            )
            raise ValueError(msg)
        self.weights = weights
        self.similarity_fct = similarity_fct

    def numbered(
        self, batches: list[list[Tensor]], labels: Tensor | None, *, scale: float, gather: bool
    ) -> list[list[Tensor]]:
        """Take the places of a step from its labels, and append to each embedding its row among them."""
        rows = sum(len(batch) for batch in batches[0])
        labels = _label_columns(labels, rows, len(batches) - 1)
        first, world = (get_rank() * rows, all_gather_rows(labels)) if gather else (0, labels)
        # Column by column, as the loss joins its documents: anchors and positives are the first of them.
        self._places = places_and_features(world.transpose(0, 1).flatten(0, 1), self.weights)
        self._scale = scale
        starts = [first, *(first + column * len(world) for column in range(len(batches) - 1))]
        return [_with_rows(column, start) for column, start in zip(batches, starts, strict=True)]

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the similarities of all pairs, weighted where gradients are formed."""
        rows_a, rows_b = a[:, -1].detach().long(), b[:, -1].detach().long()
        similarity = self.similarity_fct(a[:, :-1], b[:, :-1])
        if not torch.is_grad_enabled():
            return similarity
        # The loss compares all anchors or documents with those of the batch, or of a slice: these are the fewer, and
        # the number of such a row is also the column of its positive.
        log_weights = self._between(rows_a, rows_b) if len(a) <= len(b) else self._between(rows_b, rows_a).T
        return similarity + log_weights / self._scale

    def _between(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the log-weights between rows of the table."""
        coords, features = self._places
        sides = (None, None) if features is None else (features[rows], features[columns])
        return self.weights.log_weights(coords[rows], coords[columns], *sides, positives=rows)

    def get_config_dict(self) -> dict[str, Any]:
        """Return what the model card says of the similarity."""
        return {"similarity_fct": similarity_fct_name(self.similarity_fct), "weights": self.weights}


def _label_columns(labels: Tensor | None, rows: int, documents: int) -> Tensor:
    """Return (rows, documents, width) labels, or say what is wrong with them."""
    if not isinstance(labels, Tensor):
        msg = (
            "labels is None: the dataset has no column of places. Add a column 'label' with the coordinates of each "
            "row, e.g. lonlat.tolist(), as the trainer of sentence-transformers passes only that to the loss."
        )
        raise ValueError(msg)
    columns = labels[:, None] if labels.ndim == 2 else labels
    if columns.ndim != 3 or columns.shape[:2] != (rows, documents):
        asked = "(n, 2)" if documents == 1 else f"(n, {documents}, 2)"
        msg = (
            f"Invalid labels of shape {tuple(labels.shape)} for {rows} anchors with {documents} documents each. Must "
            f"be {asked}: the place of anchor and positive, then of each explicit negative."
        )
        raise ValueError(msg)
    return columns


def _with_rows(batches: list[Tensor], start: int) -> list[Tensor]:
    """Return the batches of one column with their row numbers as last column, in float32 or float64."""
    rows = torch.arange(start, start + sum(len(batch) for batch in batches), device=batches[0].device)
    numbers = rows.split([len(batch) for batch in batches])
    # Half precision has no whole numbers beyond 2 048, float32 has them up to 16 million.
    full = [batch if batch.dtype == torch.float64 else batch.float() for batch in batches]
    return [
        torch.cat([batch, number[:, None].to(batch.dtype)], dim=1) for batch, number in zip(full, numbers, strict=True)
    ]
