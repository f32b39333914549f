"""Coordinates that ride along with features: pack and unpack."""

import torch
from torch import Tensor

from variogeo.nn._coordinates import Coordinates, Order, Units


def pack(features: Tensor, coords: Tensor, *, order: Order | None = None, units: Units | None = None) -> Tensor:
    """Return features with the unit vector of each row's place appended: three more columns.

    Where a trainer slices, queues, gathers or exchanges features but knows nothing of coordinates, these come along.
    `unpack` splits them off inside the similarity.

    Parameters
    ----------
    features : (n, d) float tensor
        Trained features. Half precision becomes float32: a place in bfloat16 would be off by up to 30 km, and all
        columns of a tensor have one dtype.
    coords : (n, 2) tensor
        Places of the rows. They get no gradient.
    order, units : str
        See `NegativeWeights`; (n, 3) unit vectors with ``units="xyz"``.

    Returns
    -------
    (n, d + 3) tensor
        float32, or float64 for float64 features.

    Raises
    ------
    ValueError
        For shapes that do not fit, or places that are none.
    TypeError
        For features that are no floats, or coordinates in half precision.

    Notes
    -----
    A float32 unit vector places a sample to 0.4 m. Nothing may scale the packed rows: a normalisation must come
    before `pack`, and `NegativeWeights` refuses vectors that are no longer of unit length. Under autocast a matrix
    product would cast them: split first.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import pack, unpack
    >>> features = torch.ones(2, 4)
    >>> packed = pack(features, torch.tensor([[90.0, 0.0], [0.0, 90.0]]), order="lonlat", units="deg")
    >>> packed.shape
    torch.Size([2, 7])
    >>> unpack(packed)[1].round().abs()
    tensor([[0., 1., 0.],
            [0., 0., 1.]])
    """
    _check_features(features, "features", at_least=1)
    unit = Coordinates(order, units).unit_vectors(coords, "coords")
    if len(unit) != len(features):
        msg = f"features has {len(features)} rows but coords has {len(unit)}. Must be one place per row."
        raise ValueError(msg)
    full = features if features.dtype == torch.float64 else features.float()
    return torch.cat([full, unit.detach().to(full.dtype).to(full.device)], dim=1)


def unpack(packed: Tensor) -> tuple[Tensor, Tensor]:
    """Return the features and the unit vectors of rows that `pack` made.

    Parameters
    ----------
    packed : (n, d + 3) float tensor
        Rows of packed features, sliced, joined and gathered as you like.

    Returns
    -------
    features : (n, d) tensor
        With their gradient.
    xyz : (n, 3) tensor
        Unit vectors, without gradient, for ``NegativeWeights(scheme, units="xyz")``.

    Raises
    ------
    ValueError
        For another shape.
    TypeError
        For half precision, in which the places are lost.

    Examples
    --------
    >>> import torch
    >>> from variogeo.nn import pack, unpack
    >>> places = torch.tensor([[8.0, 50.0]])
    >>> features, xyz = unpack(pack(torch.ones(1, 2), places, order="lonlat", units="deg"))
    >>> features, xyz.norm()
    (tensor([[1., 1.]]), tensor(1.))
    """
    _check_features(packed, "packed", at_least=4)
    if packed.dtype not in (torch.float32, torch.float64):
        msg = (
            f"Invalid packed of {packed.dtype}. Must be float32: half precision moves a place by kilometres. "
            "Cast the features before pack, or after unpack."
        )
        raise TypeError(msg)
    return packed[:, :-3], packed[:, -3:].detach()


def _check_features(features: Tensor, name: str, *, at_least: int) -> None:
    """Refuse what is no matrix of floats with enough columns."""
    if not isinstance(features, Tensor) or not features.is_floating_point():
        kind = features.dtype if isinstance(features, Tensor) else type(features).__name__
        msg = f"Invalid {name} of {kind}. Must be a tensor of floats."
        raise TypeError(msg)
    if features.ndim != 2 or features.shape[1] < at_least:
        msg = f"Invalid {name} of shape {tuple(features.shape)}. Must be (n, d) with d of at least {at_least}."
        raise ValueError(msg)
