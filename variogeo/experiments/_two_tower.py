"""Two small towers trained from scratch: an image head and a location encoder."""

import math
from collections.abc import Sequence
from typing import Self

import torch
from torch import nn

from variogeo.experiments._location_encoders import EqualEarthEncoder, SphereEncoder

START_TEMPERATURE = 0.07
LOWEST_TEMPERATURE = 0.01


class TwoTower(nn.Module):
    """Image head and location encoder with a learnable temperature. Made by `small` or `like_geoclip`.

    Parameters
    ----------
    image_head : module
        From frozen image features (n, d) to the common space.
    location_encoder : SphereEncoder or EqualEarthEncoder
        From longitude and latitude in degrees to the common space.

    Attributes
    ----------
    precision : torch.dtype
        In which the layers of both towers work; waves, similarities and the loss stay in float32.

    Examples
    --------
    >>> import torch
    >>> model = TwoTower.small(feature_width=16)
    >>> model(torch.ones(4, 16), torch.zeros(4, 2)).shape
    torch.Size([4, 4])
    """

    def __init__(self, image_head: nn.Module, location_encoder: SphereEncoder | EqualEarthEncoder) -> None:
        super().__init__()
        self.image_head = image_head
        self.location_encoder = location_encoder
        self.log_scale = nn.Parameter(torch.tensor(-math.log(START_TEMPERATURE)))
        self.precision = torch.float32

    @classmethod
    def small(
        cls, feature_width: int, *, width: int = 256, embedding_width: int = 128, dropout: float = 0.5, seed: int = 0
    ) -> Self:
        """Return small towers, for a demonstration.

        Parameters
        ----------
        feature_width : int
            Width of the frozen image features.
        width : int
            Width of the hidden layers of both towers.
        embedding_width : int
            Width of the common space.
        dropout : float
            Share of the input features dropped in training. It guards the head against learning the training photos
            by heart.
        seed : int
            Seed of the initial weights and frequencies.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            head = _image_head((feature_width, width, embedding_width), dropout)
            return cls(head, SphereEncoder(width, embedding_width))

    @classmethod
    def like_geoclip(cls, feature_width: int, *, width: int = 256, dropout: float = 0.3, seed: int = 0) -> Self:
        """Return towers like those of GeoCLIP, the location encoder narrower: 768-768-512 for ViT-L/14 features.

        Parameters
        ----------
        feature_width : int
            Width of the frozen image features and of the hidden layer of the image head.
        width : int
            Width of the hidden layers of the location encoder (GeoCLIP: 1 024).
        dropout : float
            Share of the input features dropped in training (GeoCLIP: none).
        seed : int
            Seed of the initial weights and frequencies.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            head = _image_head((feature_width, feature_width, 512), dropout)
            return cls(head, EqualEarthEncoder(width, 512))

    @property
    def scale(self) -> torch.Tensor:
        """One over the temperature, which stays at 0.01 and above."""
        return self.log_scale.clamp(max=-math.log(LOWEST_TEMPERATURE)).exp()

    def embed_images(self, features: torch.Tensor) -> torch.Tensor:
        """Return unit vectors (n, embedding width) of ``features`` (n, feature width)."""
        with self._autocast(features):
            embedded = self.image_head(features)
        return nn.functional.normalize(embedded.float(), dim=1)

    def embed_locations(self, lonlat: torch.Tensor) -> torch.Tensor:
        """Return unit vectors (n, embedding width) of ``lonlat`` (n, 2), degrees."""
        waves = self.location_encoder.waves(lonlat)
        with self._autocast(lonlat):
            embedded = self.location_encoder(waves)
        return nn.functional.normalize(embedded.float(), dim=1)

    def forward(self, features: torch.Tensor, lonlat: torch.Tensor) -> torch.Tensor:
        """Return logits (n, n): cosine similarity of every image and location, over temperature."""
        return self.scale * self.embed_images(features) @ self.embed_locations(lonlat).T

    def _autocast(self, tensor: torch.Tensor) -> torch.autocast:
        """Return the context in which the layers work."""
        is_lower = self.precision != torch.float32
        return torch.autocast(tensor.device.type, dtype=self.precision if is_lower else None, enabled=is_lower)


def _image_head(widths: Sequence[int], dropout: float) -> nn.Sequential:
    """Return dropout of the input, a hidden layer and a linear map."""
    features, hidden, embedding = widths
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, embedding))
