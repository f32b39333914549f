"""The adapters of three packages on two ranks of gloo: one process imports, then forks the ranks.

Run as a script with a package and a folder, it writes what each rank got: ``<rank>.npz``.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed

WORLD, ROWS = 2, 4
WORDS = ["sea", "rain", "harbour", "hill", "tower", "snow", "palm", "road"]
DIRECTIONS = ("query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc")
LABELS = torch.tensor([0, 1, 1, 2, 0, 0, 1, 0])


def weights() -> Any:
    """Return weights of the lag alone."""
    from variogeo import DecorrelationWeighting, Exponential
    from variogeo.nn import NegativeWeights

    curve = Exponential(nugget=0.2, partial_sill=0.8, effective_range=500.0)
    return NegativeWeights(DecorrelationWeighting(curve), order="lonlat", units="deg")


def places() -> torch.Tensor:
    """Return (8, 2, 2) places of pairs and their negatives; the pairs of both ranks lie in one region."""
    generator = torch.Generator().manual_seed(5)
    return torch.tensor([8.0, 50.0]) + torch.rand(WORLD * ROWS, 2, 2, generator=generator)


def sentence_model() -> Any:
    """Return a small model, always with the same parameters."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import BoW, Dense

    torch.manual_seed(0)
    return SentenceTransformer(modules=[BoW(WORDS), Dense(len(WORDS), 6)], device="cpu")


def sentence_step(rows: slice, *, cached: bool, gather: bool) -> dict[str, Any]:
    """Return the loss of some rows of anchors, positives and negatives, and its gradient."""
    from variogeo.trainers import sentence_transformers as adapter

    model = sentence_model()
    settings: Any = {"gather_across_devices": gather, "directions": DIRECTIONS}
    if cached:
        loss = adapter.WeightedCachedMultipleNegativesRankingLoss(model, weights(), mini_batch_size=3, **settings)
    else:
        loss = adapter.WeightedMultipleNegativesRankingLoss(model, weights(), **settings)
    texts = [[f"{WORDS[(k * k + column) % 8]} {WORDS[(3 * k + column) % 8]}" for k in range(8)] for column in range(3)]
    value = loss([model.preprocess(column[rows]) for column in texts], places()[rows])
    value.backward()
    return {"loss": value.item(), "gradient": torch.cat([p.grad.flatten() for p in model.parameters()]).numpy()}


def image_features() -> torch.Tensor:
    """Return (8, 5) features of images, which are here those of their texts."""
    return torch.randn(WORLD * ROWS, 5, generator=torch.Generator().manual_seed(1))


def contrast_step(rows: slice) -> dict[str, Any]:
    """Return the loss of some rows for the Trainer of transformers, and its gradient in the features of the images."""
    from variogeo.trainers.transformers import weighted_loss

    features = image_features()[rows].requires_grad_()
    logits = features @ image_features()[rows].T
    value = weighted_loss(weights())({"logits_per_image": logits, "logits_per_text": logits.T}, places()[rows, 0])
    value.backward()
    return {"loss": value.item(), "gradient": features.grad.numpy()}


def metric_step(rows: slice, case: str, *, wrapped: bool) -> dict[str, Any]:
    """Return the loss of some rows and its gradient in their embeddings."""
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.losses import CrossBatchMemory, NTXentLoss
    from pytorch_metric_learning.utils.distributed import DistributedLossWrapper

    from variogeo.trainers.metric_learning import GeoWeightedDistance

    distance = GeoWeightedDistance(CosineSimilarity(), weights(), 0.2)
    loss: Any = NTXentLoss(temperature=0.2, distance=distance)
    if case == "memory":
        loss = CrossBatchMemory(loss, embedding_size=5 + distance.extra_columns, memory_size=WORLD * ROWS)
    if wrapped:
        loss = DistributedLossWrapper(loss, efficient=case == "efficient")
    embeddings = torch.randn(WORLD * ROWS, 5, generator=torch.Generator().manual_seed(1))[rows].requires_grad_()
    value = loss(distance.ride_along(embeddings, places()[rows, 0], LABELS[rows]), LABELS[rows])
    value.backward()
    return {"loss": value.item(), "gradient": embeddings.grad.numpy()}


def run(package: str, folder: Path, rank: int) -> None:
    """Write what one rank gets in every case."""
    store = f"file://{folder}/store"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=WORLD)
    rows = slice(rank * ROWS, (rank + 1) * ROWS)
    if package == "sentence_transformers":
        found = {name: sentence_step(rows, cached=name == "cached", gather=True) for name in ("plain", "cached")}
    elif package == "transformers":
        found = {"own": contrast_step(rows)}
    else:
        found = {name: metric_step(rows, name, wrapped=True) for name in ("all", "efficient", "memory")}
    arrays = {f"{case}/{name}": value for case, values in found.items() for name, value in values.items()}
    np.savez(folder / f"{rank}.npz", **arrays)
    distributed.destroy_process_group()


def main() -> None:
    """Fork the ranks, and leave with an error where one of them does."""
    package, folder = sys.argv[1], Path(sys.argv[2])
    __import__(f"variogeo.trainers.{package}")
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    children = []
    for rank in range(WORLD):
        child = os.fork()
        if not child:
            try:
                run(package, folder, rank)
                os._exit(0)
            finally:
                sys.excepthook(*sys.exc_info())  # pyright: ignore[reportArgumentType]
                os._exit(1)
        children.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    if any(statuses):
        sys.exit(1)


if __name__ == "__main__":
    main()
