"""A small GeoCLIP: an image head and a location encoder, trained from scratch."""

import math

import torch
from torch import nn

SCALES = (1.0, 4.0, 16.0, 64.0, 256.0)
"""Standard deviations of the frequencies, cycles per Earth radius: wavelengths of 6371 to 25 km."""

FREQUENCIES = 128
"""Random frequencies at each scale."""

START_TEMPERATURE = 0.07
LOWEST_TEMPERATURE = 0.01


class LocationEncoder(nn.Module):
    """Embed positions: random Fourier features of the unit sphere at several scales, then an MLP.

    Parameters
    ----------
    width : int
        Width of the hidden layers.
    embedding_width : int
        Width of the result.

    Notes
    -----
    The sphere has neither poles nor an antimeridian, so the field has no seam.
    """

    frequencies: torch.Tensor

    def __init__(self, width: int, embedding_width: int) -> None:
        super().__init__()
        scales = torch.tensor(SCALES).repeat_interleave(FREQUENCIES)
        self.register_buffer("frequencies", torch.randn(3, len(scales)) * scales)
        self.layers = nn.Sequential(
            nn.Linear(2 * len(scales), width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, embedding_width),
        )

    def forward(self, lonlat: torch.Tensor) -> torch.Tensor:
        """Return embeddings (n, embedding_width) of ``lonlat`` (n, 2), degrees."""
        longitude, latitude = torch.deg2rad(lonlat).unbind(dim=1)
        sphere = torch.stack(
            (
                torch.cos(latitude) * torch.cos(longitude),
                torch.cos(latitude) * torch.sin(longitude),
                torch.sin(latitude),
            ),
            dim=1,
        )
        phase = 2 * math.pi * sphere.to(self.frequencies.dtype) @ self.frequencies
        return self.layers(torch.cat((torch.cos(phase), torch.sin(phase)), dim=1))


class TwoTower(nn.Module):
    """Image head and location encoder with a learnable temperature.

    Parameters
    ----------
    feature_width : int
        Width of the frozen image features.
    width : int
        Width of the hidden layers of both towers.
    embedding_width : int
        Width of the common space.
    dropout : float
        Share of the input features dropped in training. It guards the head against learning the
        training photos by heart.
    seed : int
        Seed of the initial weights and frequencies.

    Examples
    --------
    >>> import torch
    >>> model = TwoTower(feature_width=16)
    >>> model(torch.ones(4, 16), torch.zeros(4, 2)).shape
    torch.Size([4, 4])
    """

    def __init__(
        self,
        feature_width: int,
        *,
        width: int = 256,
        embedding_width: int = 128,
        dropout: float = 0.5,
        seed: int = 0,
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.image_head = nn.Sequential(
                nn.Dropout(dropout),
                nn.Linear(feature_width, width),
                nn.ReLU(),
                nn.Linear(width, embedding_width),
            )
            self.location_encoder = LocationEncoder(width, embedding_width)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(START_TEMPERATURE)))

    def embed_images(self, features: torch.Tensor) -> torch.Tensor:
        """Return unit vectors (n, embedding_width) of ``features`` (n, feature_width)."""
        return nn.functional.normalize(self.image_head(features), dim=1)

    def embed_locations(self, lonlat: torch.Tensor) -> torch.Tensor:
        """Return unit vectors (n, embedding_width) of ``lonlat`` (n, 2), degrees."""
        return nn.functional.normalize(self.location_encoder(lonlat), dim=1)

    def forward(self, features: torch.Tensor, lonlat: torch.Tensor) -> torch.Tensor:
        """Return logits (n, n): cosine similarity of every image and location, over temperature."""
        scale = self.log_scale.clamp(max=-math.log(LOWEST_TEMPERATURE)).exp()
        return scale * self.embed_images(features) @ self.embed_locations(lonlat).T
