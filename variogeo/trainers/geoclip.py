"""GeoCLIP: a wrapper of the model, so that its own ``train()`` runs as it is; and evaluation over a gallery."""

from torch import Tensor, nn

from variogeo.trainers._gallery import GalleryEvaluation, evaluate_gallery
from variogeo.trainers._weighted_geoclip import WeightedGeoCLIP

__all__ = ["FeatureEncoder", "GalleryEvaluation", "WeightedGeoCLIP", "evaluate_gallery"]


class FeatureEncoder(nn.Module):
    """An image encoder for images that come as their frozen features: training without CLIP in the loop.

    CLIP is frozen in GeoCLIP, so its features can be computed once and kept. ``model.image_encoder =
    FeatureEncoder(model.image_encoder.mlp)`` makes a GeoCLIP that takes them in place of images.

    Parameters
    ----------
    mlp : nn.Module
        The trainable head of a GeoCLIP's image encoder.

    Notes
    -----
    There is then no new crop of a photo in each epoch: that takes a regularisation away.

    Examples
    --------
    >>> import torch
    >>> from variogeo.trainers.geoclip import FeatureEncoder
    >>> head = torch.nn.Sequential(torch.nn.Linear(768, 768), torch.nn.ReLU(), torch.nn.Linear(768, 512))
    >>> FeatureEncoder(head)(torch.zeros(3, 768)).shape
    torch.Size([3, 512])
    """

    def __init__(self, mlp: nn.Module) -> None:
        super().__init__()
        self.mlp = mlp

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings (n, 512) of frozen features (n, 768)."""
        return self.mlp(features)
