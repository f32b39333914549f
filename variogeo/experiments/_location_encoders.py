"""Location encoders: random Fourier features of a place at several scales, then layers."""

import math

import torch
from torch import nn

SCALES = (1.0, 4.0, 16.0, 64.0, 256.0)
"""Standard deviations of the frequencies on the sphere, cycles per Earth radius: wavelengths of 6371 to 25 km."""

FREQUENCIES = 128
"""Random frequencies at each scale of the sphere."""

PLANE_SCALES = (2.0**0, 2.0**4, 2.0**8)
"""GeoCLIP's scales on its Equal Earth map, on which the equator is 2 long: wavelengths of about 20 000 to 78 km."""

PLANE_FREQUENCIES = 256
"""GeoCLIP's random frequencies at each scale."""

_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
"""Polynomial of the Equal Earth projection (Savric et al. 2018)."""

_MAP_SCALE = 66.50336 / 180
"""What GeoCLIP multiplies the projection with: longitudes become -1..1."""


class SphereEncoder(nn.Module):
    """Embed positions: random Fourier features of the unit sphere at several scales, then one MLP.

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

    def waves(self, lonlat: torch.Tensor) -> torch.Tensor:
        """Return the Fourier features of ``lonlat`` (n, 2), degrees; to be taken in full precision."""
        longitude, latitude = torch.deg2rad(lonlat).unbind(dim=1)
        sphere = torch.stack(
            (
                torch.cos(latitude) * torch.cos(longitude),
                torch.cos(latitude) * torch.sin(longitude),
                torch.sin(latitude),
            ),
            dim=1,
        )
        return _waves(sphere.to(self.frequencies.dtype), self.frequencies)

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        """Return embeddings (n, embedding_width) of `waves`."""
        return self.layers(waves)


class EqualEarthEncoder(nn.Module):
    """GeoCLIP's location encoder with narrower layers: an MLP for each scale of an Equal Earth map, and their sum.

    Parameters
    ----------
    width : int
        Width of the hidden layers (GeoCLIP: 1 024).
    embedding_width : int
        Width of the result (GeoCLIP: 512).

    Notes
    -----
    The map ends at the antimeridian, so the field has a seam there, as GeoCLIP's has.
    """

    frequencies: torch.Tensor

    def __init__(self, width: int, embedding_width: int) -> None:
        super().__init__()
        scales = torch.tensor(PLANE_SCALES)[:, None, None]
        self.register_buffer("frequencies", torch.randn(len(PLANE_SCALES), 2, PLANE_FREQUENCIES) * scales)
        self.capsules = nn.ModuleList(
            nn.Sequential(
                nn.Linear(2 * PLANE_FREQUENCIES, width),
                nn.ReLU(),
                nn.Linear(width, width),
                nn.ReLU(),
                nn.Linear(width, width),
                nn.ReLU(),
                nn.Linear(width, embedding_width),
            )
            for _ in PLANE_SCALES
        )

    def waves(self, lonlat: torch.Tensor) -> torch.Tensor:
        """Return the Fourier features (scales, n, 512) of ``lonlat`` (n, 2), degrees; to be taken in full precision."""
        longitude, latitude = torch.deg2rad(lonlat).unbind(dim=1)
        theta = torch.asin(math.sqrt(3) / 2 * torch.sin(latitude))
        theta2 = theta * theta
        theta6 = theta2 * theta2 * theta2
        slope = 3 * (9 * _A4 * theta6 * theta2 + 7 * _A3 * theta6 + 3 * _A2 * theta2 + _A1)
        x = 2 * math.sqrt(3) * longitude * torch.cos(theta) / slope
        y = theta * (_A4 * theta6 * theta2 + _A3 * theta6 + _A2 * theta2 + _A1)
        plane = torch.stack((x, y), dim=1) * _MAP_SCALE
        return _waves(plane.to(self.frequencies.dtype), self.frequencies)

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        """Return embeddings (n, embedding_width) of `waves`."""
        return torch.stack([capsule(part) for capsule, part in zip(self.capsules, waves, strict=True)]).sum(dim=0)


def _waves(places: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    """Return cosine and sine of every frequency at every place."""
    phase = 2 * math.pi * places @ frequencies
    return torch.cat((torch.cos(phase), torch.sin(phase)), dim=-1)
