"""The figures that a prediction of places is described by, as the rows of a table."""

from typing import Any

from variogeo.evaluation._errors import accuracy_within, geoscore, mean_error, median_error


def figures_of(predicted: Any, true: Any) -> dict[str, float]:
    """Return every figure of a column of predicted places by the name of its row."""
    return {
        **{f"within {km} km (%)": 100 * share for km, share in accuracy_within(predicted, true).items()},
        "median error (km)": median_error(predicted, true),
        "mean error (km)": mean_error(predicted, true),
        "GeoScore": geoscore(predicted, true),
    }
