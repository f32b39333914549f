"""Noise of coordinates in metres, alike in all directions everywhere on the globe."""

import torch
from torch import Tensor

from variogeo._checks import check_number
from variogeo._distances import EARTH_RADIUS
from variogeo.nn._coordinates import Coordinates, Order, Units

_PER_RADIAN = {"deg": 180 / torch.pi, "rad": 1.0, "e7": 180e7 / torch.pi}


@torch.no_grad()
def coordinate_noise(
    coords: Tensor,
    metres: float,
    *,
    order: Order | None = None,
    units: Units | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Return places moved by Gaussian noise of a given size in metres.

    .. math:: u' = u \cos r + (e \,\epsilon_1 + n \,\epsilon_2) \frac{\sin r}{|\epsilon|}, \qquad
       r = \frac{\sigma |\epsilon|}{R}, \quad \epsilon_1, \epsilon_2 \sim N(0, 1)

    with the unit vector ``u`` of the place, and ``e`` and ``n`` the directions east and north there.

    Parameters
    ----------
    coords : (n, 2) tensor, or (n, 3) for "xyz"
        Places. Never written to.
    metres : float, m
        Standard deviation towards the east and towards the north, each. The mean distance that a place moves is
        ``metres sqrt(pi / 2)``. 0 returns ``coords`` as it is.
    order, units : str
        As in `NegativeWeights`.
    generator : torch.Generator, optional
        Source of the noise, on the device of ``coords``; the global one of torch by default.

    Returns
    -------
    (n, 2) tensor
        Of the order, units, dtype and device of ``coords``; longitudes in -180..180 degrees.

    Raises
    ------
    ValueError
        For negative metres, and coordinates of another shape, NaN or out of range.
    TypeError
        For half-precision coordinates.

    Notes
    -----
    A degree of longitude shrinks with the cosine of the latitude, so one standard deviation in degrees for both
    columns would be too narrow towards the east, by half at 60 degrees. Here the noise lies on the sphere:
    it is right at the poles and across the antimeridian. Distances on the ellipsoid differ by up to 0.56 %.

    float32 degrees hold a longitude to 0.8 m, which bounds how small a noise they can carry.

    Noise blurs what is nearer than itself. Give it to the location encoder only: distances, and with them the
    weights, want clean coordinates.

    References
    ----------
    .. [1] Vivanco Cepeda et al. (2023). GeoCLIP, arXiv 2309.16020: 150 m for a batch, 1 000 m for its queue.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import coordinate_noise
    >>> oslo = torch.tensor([[59.9, 10.7]], dtype=torch.float64).expand(4000, 2)
    >>> noisy = coordinate_noise(
    ...     oslo, 1000.0, order="latlon", units="deg", generator=torch.Generator().manual_seed(0)
    ... )
    >>> (noisy.std(dim=0) * 111.2).round(decimals=1)  # km of latitude; a degree of longitude is half as long
    tensor([1., 2.], dtype=torch.float64)
    """
    metres = check_number(metres, name="metres", at_least=0.0, unit="m")
    coordinates = Coordinates(order, units)
    unit = coordinates.unit_vectors(coords, "coords")
    if metres == 0:
        return coords
    step = torch.randn(unit.shape[0], 2, dtype=unit.dtype, device=unit.device, generator=generator)
    step = step * (metres / 1000 / EARTH_RADIUS)
    moved = _moved(unit, step)
    if coordinates.units == "xyz":
        return moved.to(coords.dtype).to(coords.device)
    latitude = torch.atan2(moved[:, 2], torch.hypot(moved[:, 0], moved[:, 1]))
    longitude = torch.atan2(moved[:, 1], moved[:, 0])
    pair = (latitude, longitude) if coordinates.order == "latlon" else (longitude, latitude)
    written = torch.stack(pair, dim=1) * _PER_RADIAN[coordinates.units or "deg"]
    return (written if coords.is_floating_point() else written.round()).to(coords.dtype).to(coords.device)


def _moved(unit: Tensor, step: Tensor) -> Tensor:
    """Return unit vectors moved along great circles by steps (n, 2) in radians towards the east and the north."""
    across = torch.hypot(unit[:, 0], unit[:, 1])
    # At a pole every direction is as good as another: east is taken from longitude 0.
    at_pole = across == 0
    divisor = torch.where(at_pole, 1.0, across)
    cosine = torch.where(at_pole, 1.0, unit[:, 0] / divisor)
    sine = unit[:, 1] / divisor
    east = torch.stack([-sine, cosine, torch.zeros_like(sine)], dim=1)
    north = torch.stack([-unit[:, 2] * cosine, -unit[:, 2] * sine, across], dim=1)
    arc = torch.hypot(step[:, 0], step[:, 1])[:, None]
    along = east * step[:, :1] + north * step[:, 1:]
    # sin(r) / r from torch's own sinc, which is 1 at r = 0.
    return unit * torch.cos(arc) + along * torch.sinc(arc / torch.pi)
