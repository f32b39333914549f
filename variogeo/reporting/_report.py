"""The report of some embeddings in one HTML file: `report`."""

import importlib.util
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_number, checked_path
from variogeo._fitting import ModelChoice, Weights
from variogeo._lags import LagBins
from variogeo._models import MODELS
from variogeo._storage import write_bytes


def report(
    lonlat: Any,
    embeddings: Any,
    path: str | os.PathLike[str],
    *,
    title: str = "Semivariogram report",
    bins: LagBins | None = None,
    weights: Weights | NDArray[np.float64] = "equal",
    models: Sequence[ModelChoice] | None = None,
    groups: Any = None,
    model_id: str | None = None,
    precision_km: float | None = None,
    units: Literal["deg"] | None = None,
    check_land: bool = True,
    dropped: Iterable[int] = (),
    overwrite: bool = False,
) -> Path:
    """Write one HTML file with the curve, the cloud of pairs linked with a map, and where they come from.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    embeddings : (n, d) float array, memory map or row source
        One row per photo. Never modified.
    path : str or path
        The file to write, in a folder that exists.
    title : str
        Heading of the page, at most 200 characters of it.
    bins : LagBins, optional
        By default those of the usable lags that `variogeo.check` finds. Of a random part of very many points the first
        of them are left out, where hardly a pair is left.
    weights : str or (bins,) array
        Of the bins in the fits; see `variogeo.compare_models`. Most pairs are far apart: with ``"npairs"``, the default
        there, a curve over bins of equal ratio may miss its rise.
    models : sequence of classes, optional
        To compare, the first by AIC is drawn; see `variogeo.compare_models`. By default all five.
    groups : (n,) array of labels, optional
        Such as the sequence of a photo: pairs of one group are left out everywhere. None, NaN and "" are no label.
        Labels are shown beside pairs, at most 200 characters of each.
    model_id : str, optional
        Name of the model that made the embeddings.
    precision_km : float, optional, km
        Show places on a grid with cells of this size, and lags between these places: for photos whose exact places are
        not to be told. Curve, table and counts stay those of the exact places.
    units : {None, "deg"}
        ``"deg"`` says that the coordinates are degrees, also where they look like radians.
    check_land : bool
        Whether to compare with a land mask, which shows swapped columns. False for points at sea.
    dropped : sequence of int
        Numbers of the rows that were left out before, as ``points.dropped`` of the doors with ``missing="drop"`` has
        them. The page names them, and counts rows as the table that the points came from does.
    overwrite : bool
        Whether a file of this name may be replaced.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ImportError
        Without bokeh or jinja2: ``pip install "variogeo[report]"``.
    ValueError
        For coordinates, embeddings, bins or groups that cannot give a variogram, the message names the rows; for
        weights and models that do not compare, and row numbers of a table that has not so many rows.
    TypeError
        For arrays that do not hold real numbers, models that are no classes, a title that is no text, and row numbers
        that are no whole numbers.
    FileExistsError
        Where the file is there and ``overwrite`` is False; before anything is measured.

    Notes
    -----
    The file needs nothing else: no network, no server. Its content security policy lets it load nothing and send
    nothing, and only its own two scripts run. All texts are escaped. With scripts switched off, the picture and all
    tables are there. Equal data, settings and versions give equal bytes.

    The model is the best by AIC. A pair is *as expected* within one
    spread of its lag bin about the curve. Below that it is a *hard negative* where it is far, and a *likely false
    negative* where it is near; far begins at the effective range or, where no fit converged, at half of the last bin.
    All pairs are counted. Those that are drawn are the strongest, and a sample evenly over the lags.

    Of more than 10 000 points, 10 000 are chosen at random, and the report says so. The hash covers all of them:
    sha256 of the coordinates as float64 (longitudes of -180..180), then the embeddings as they are stored, little
    endian.

    Group labels, row numbers and dissimilarities are not hidden by ``precision_km``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import variogeo
    >>> photos = variogeo.datasets.geoclip_photos()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = variogeo.report(photos.lonlat[:200], photos.embeddings[:200], Path(folder) / "report.html")
    ...     file.name, file.stat().st_size < 3_000_000
    ('report.html', True)
    """
    _check_packages()
    file = _checked_file(path, overwrite=overwrite)
    _check_text(title, "title")
    if model_id is not None:
        _check_text(model_id, "model_id")
    if precision_km is not None:
        precision_km = check_number(precision_km, name="precision_km", above=0.0, unit="km")
    from variogeo.reporting._measured import Settings, measured
    from variogeo.reporting._page import page_of

    chosen = list(MODELS.values()) if models is None else models
    settings = Settings(chosen, bins, weights, precision_km, units, check_land, dropped)
    content = measured(lonlat, embeddings, groups=groups, settings=settings)
    page = page_of(content, title=title, model_id=model_id, precision_km=precision_km)
    write_bytes(file, page, overwrite=overwrite)
    return file


def _check_packages() -> None:
    """Refuse to begin without the packages of the extra."""
    missing = [name for name in ("bokeh", "jinja2") if importlib.util.find_spec(name) is None]
    if missing:
        msg = f"A report needs {' and '.join(missing)}. Its extra: pip install 'variogeo[report]'."
        raise ImportError(msg)


def _checked_file(path: Any, *, overwrite: bool) -> Path:
    """Return the path, or refuse one that cannot be written, before minutes of work."""
    file = checked_path(path)
    if file.exists() and not overwrite:
        msg = f"{file} exists. Pass overwrite=True or choose another name."
        raise FileExistsError(msg)
    if not file.parent.is_dir():
        msg = f"{file.parent} is not a folder. Make it first."
        raise FileNotFoundError(msg)
    return file


def _check_text(text: Any, name: str) -> None:
    """Refuse what is no text, or cannot be written as UTF-8."""
    if not isinstance(text, str):
        msg = f"Invalid {name} of type {type(text).__name__}. Must be a text."
        raise TypeError(msg)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        msg = f"Invalid {name}: its character {error.start} is half of a pair (a lone surrogate). Leave it out."
        raise ValueError(msg) from None
