"""Evaluation over a gallery: the place of each photo is that of the best entry, beside the best that there is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from variogeo._cards import gallery_html
from variogeo._checks import check_whole, listed_rows
from variogeo._lonlat import check_lonlat
from variogeo._read_only import ReadOnlyArrays
from variogeo.evaluation import error_quantiles, geolocation_error, nearest_places
from variogeo.evaluation._figures import figures_of

_SCORES_AT_ONCE = 2**23
"""Scores of photos against gallery that are held at a time: 32 MiB."""
_ROWS_AT_ONCE = 1024
"""Places that the location encoder embeds at a time."""


@dataclass(frozen=True, eq=False, repr=False)
class GalleryEvaluation(ReadOnlyArrays):
    """Where photos were placed within a gallery, and where the gallery's best place for them is.

    Parameters
    ----------
    predicted, true, oracle : (n, 2) float64 array, degrees
        Longitude then latitude: the best entry by the model, the photo's place, and the entry nearest to it.
    rank : (n,) int array
        How many other places of the gallery the model prefers to the nearest one: 0 where it found it.

    Examples
    --------
    >>> import numpy as np
    >>> from variogeo.trainers.geoclip import GalleryEvaluation
    >>> true, gallery = np.array([[8.0, 50.0], [9.0, 50.0]]), np.array([[8.0, 50.1], [9.0, 50.0]])
    >>> print(GalleryEvaluation(gallery[[0, 0]], true, gallery, np.array([0, 1])))
                                 model    oracle
    within 1 km (%)                0.0      50.0
    within 25 km (%)              50.0     100.0
    within 200 km (%)            100.0     100.0
    within 750 km (%)            100.0     100.0
    within 2500 km (%)           100.0     100.0
    median error (km)             41.8       5.6
    mean error (km)               41.8       5.6
    GeoScore                    4863.0    4981.4
    p90 of the error (km)         66.3      10.0
    p95 of the error (km)         69.4      10.6
    p99 of the error (km)         71.9      11.0
    recall at 1 (%)               50.0     100.0
    recall at 10 (%)             100.0     100.0
    recall at 100 (%)            100.0     100.0
    """

    predicted: npt.NDArray[np.float64]
    true: npt.NDArray[np.float64]
    oracle: npt.NDArray[np.float64]
    rank: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        for name in ("predicted", "true", "oracle"):
            object.__setattr__(self, name, check_lonlat(getattr(self, name), name=name))
        object.__setattr__(self, "rank", np.array(self.rank, dtype=np.int64))
        rows = {name: len(getattr(self, name)) for name in ("predicted", "true", "oracle", "rank")}
        if len(set(rows.values())) != 1:
            msg = f"Invalid numbers of rows {rows}. One row per photo in all."
            raise ValueError(msg)
        for name in rows:
            getattr(self, name).setflags(write=False)

    @property
    def error(self) -> npt.NDArray[np.float64]:
        """Distance from the predicted to the true place. Definition: the geodesic. Units: km."""
        return geolocation_error(self.predicted, self.true)

    @property
    def oracle_error(self) -> npt.NDArray[np.float64]:
        """Distance from the gallery's nearest place to the true one: what the gallery alone costs. Units: km."""
        return geolocation_error(self.oracle, self.true)

    def recall(self, k: int) -> float:
        """Return the share of photos whose nearest place is among the ``k`` that the model prefers."""
        return float(np.mean(self.rank < check_whole(k, name="k", at_least=1)))

    def figures(self) -> dict[str, tuple[float, float]]:
        """Return every figure of the table by the name of its row: of the model, and of the oracle."""
        columns = [_figures(places, self.true) for places in (self.predicted, self.oracle)]
        found = {f"recall at {k} (%)": (100 * self.recall(k), 100.0) for k in (1, 10, 100)}
        return {**{name: (columns[0][name], columns[1][name]) for name in columns[0]}, **found}

    def __str__(self) -> str:
        lines = [f"{'':24}{'model':>10}{'oracle':>10}"]
        lines += [f"{name:24}{model:10.1f}{oracle:10.1f}" for name, (model, oracle) in self.figures().items()]
        return "\n".join(lines)

    _repr_html_ = gallery_html


def evaluate_gallery(model: Any, batches: Iterable[Any], *, gallery: Tensor | None = None) -> GalleryEvaluation:
    """Return how well a GeoCLIP places photos within a gallery, beside the best that the gallery allows.

    Parameters
    ----------
    model : GeoCLIP or WeightedGeoCLIP
        Evaluated without weights and without noise; its mode is put back.
    batches : iterable of (images, gps)
        E.g. a DataLoader: what the model's image encoder takes, and (n, 2) latitude, longitude in degrees. For frozen
        features in place of images see `FeatureEncoder`.
    gallery : (m, 2) tensor, degrees, optional
        Latitude, longitude of the places that may be predicted; ``model.gps_gallery`` by default.

    Returns
    -------
    GalleryEvaluation
        Print it for the table.

    Raises
    ------
    ValueError
        Without photos, for coordinates that are none, and for a model whose embeddings are NaN.

    Notes
    -----
    A fixed gallery bounds the figures: a photo 40 km from the nearest entry cannot be placed within 25 km. The
    oracle says how much of an error is the gallery's. A place that the gallery holds several times counts once
    (GeoCLIP's has 100 000 rows and 94 123 places).

    The gallery is embedded block by block and only the best entry so far is kept, so memory is that of the photos'
    embeddings, however large the gallery. Distances are WGS84 geodesics; the nearest entry is found on the sphere.

    Examples
    --------
    >>> import torch
    >>> from variogeo.trainers.geoclip import evaluate_gallery
    >>> model = torch.nn.Module()  # stands for a GeoCLIP: both encoders take embeddings as they are
    >>> model.image_encoder = model.location_encoder = torch.nn.Identity()
    >>> gallery = torch.tensor([[50.0, 8.0], [-30.0, 150.0]])
    >>> photos = [(torch.tensor([[49.0, 9.0]]), torch.tensor([[50.0, 8.1]]))]
    >>> evaluate_gallery(model, photos, gallery=gallery).error.round(1)
    array([7.2])
    """
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return _evaluated(model, batches, model.gps_gallery if gallery is None else gallery)
    finally:
        model.train(was_training)


def _evaluated(model: Any, batches: Iterable[Any], gallery: Tensor) -> GalleryEvaluation:
    """Return the evaluation of a model in evaluation mode."""
    device = next((parameter.device for parameter in model.parameters()), gallery.device)
    encoded = [(_unit(model.image_encoder(images.to(device)), "images"), gps) for images, gps in batches]
    if not encoded:
        msg = "batches is empty: no photo to place. Must yield (images, gps) at least once."
        raise ValueError(msg)
    images = torch.cat([embeddings for embeddings, _ in encoded])
    true = _lonlat(torch.cat([gps for _, gps in encoded]), "batches")
    places, rows = _unique(_lonlat(gallery, "gallery"))
    gallery = gallery[torch.from_numpy(rows).to(gallery.device)].to(device)
    oracle = nearest_places(true, places)
    row_of = {tuple(place): row for row, place in enumerate(places.tolist())}
    nearest = torch.tensor([row_of[tuple(place)] for place in oracle.tolist()], device=device)
    best, rank = _best_and_rank(model, images, gallery, nearest)
    return GalleryEvaluation(places[best], true, oracle, rank)


def _unique(places: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Return every place once, in the order in which they come first, and the rows where they do."""
    rows = np.sort(np.unique(places, axis=0, return_index=True)[1])
    return places[rows], rows


def _oracle_scores(model: Any, images: Tensor, nearest: Tensor) -> Tensor:
    """Return the score of each photo with the place nearest to it."""
    parts = zip(images.split(_ROWS_AT_ONCE), nearest.split(_ROWS_AT_ONCE), strict=True)
    return torch.cat([(image * _unit(model.location_encoder(rows), "gallery")).sum(dim=1) for image, rows in parts])


def _best_and_rank(
    model: Any, images: Tensor, gallery: Tensor, nearest: Tensor
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the best entry of each photo, and how many others score above the nearest one."""
    own = _oracle_scores(model, images, gallery[nearest])
    top = torch.full_like(own, -torch.inf)
    best, rank = torch.zeros_like(own, dtype=torch.int64), torch.zeros_like(own, dtype=torch.int64)
    at_once = max(1, min(_ROWS_AT_ONCE, _SCORES_AT_ONCE // len(images)))
    for start in range(0, len(gallery), at_once):
        rows = slice(start, start + at_once)
        scores = images @ _unit(model.location_encoder(gallery[rows]), "gallery").T
        highest, column = scores.max(dim=1)
        is_better = highest > top
        top, best = torch.where(is_better, highest, top), torch.where(is_better, column + start, best)
        # Its own score, made in another product, may differ from this one by a rounding.
        is_other = torch.arange(start, start + scores.shape[1], device=own.device) != nearest[:, None]
        rank += ((scores > own[:, None]) & is_other).sum(dim=1)
    return best.cpu().numpy(), rank.cpu().numpy()


def _unit(embeddings: Tensor, name: str) -> Tensor:
    """Return unit rows in float32, or refuse rows that are NaN."""
    rows = torch.nonzero(~embeddings.isfinite().all(dim=1)).squeeze(1).tolist()
    if rows:
        msg = (
            f"The model's embeddings of {name} are NaN or infinite: {len(rows)} rows of a batch, {listed_rows(rows)}. "
            "Look at these rows, and at the training for a loss that is NaN."
        )
        raise ValueError(msg)
    return functional.normalize(embeddings.float(), dim=1)


def _lonlat(latlon: Tensor, name: str) -> npt.NDArray[np.float64]:
    """Return latitude, longitude as checked longitude, latitude on the host."""
    array = latlon.detach().cpu().double().numpy()
    if array.ndim != 2 or array.shape[1] != 2:
        msg = f"Invalid coordinates in {name} of shape {array.shape}. Must be (n, 2): latitude, longitude in degrees."
        raise ValueError(msg)
    if (np.abs(array[:, 0]) > 90).any():
        rows = np.flatnonzero(np.abs(array[:, 0]) > 90)
        msg = (
            f"{name} has latitudes beyond 90 degrees in rows {listed_rows(rows)}. Latitude comes first, as in GeoCLIP."
        )
        raise ValueError(msg)
    return check_lonlat(array[:, ::-1], name=f"{name} (turned to longitude, latitude)")


def _figures(predicted: npt.NDArray[np.float64], true: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return every figure of a column by the name of its row, with the tail of the errors."""
    tail = {f"p{100 * p:.0f} of the error (km)": km for p, km in error_quantiles(predicted, true).items()}
    return {**figures_of(predicted, true), **tail}
