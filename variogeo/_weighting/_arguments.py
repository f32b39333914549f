"""What schemes check about their arguments."""

from typing import Any

from variogeo._namespace import array_namespace, as_floats


def given_dissimilarity(dissimilarity: Any, scheme: Any, *, without_image: float) -> Any:
    """Return the dissimilarity as floats with ``without_image`` for NaN, or refuse its absence."""
    if dissimilarity is None:
        msg = (
            f"{type(scheme).__name__} needs the dissimilarity of the images. Pass it (or features) as well as the lag."
        )
        raise TypeError(msg)
    dissimilarity = as_floats(dissimilarity)
    xp = array_namespace(dissimilarity)
    return xp.where(xp.isnan(dissimilarity), without_image, dissimilarity)
