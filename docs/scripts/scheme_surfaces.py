"""Draw every weighting scheme on one curve: ``python docs/scripts/scheme_surfaces.py`` writes docs/images/schemes.png.

The curve and the spread per lag are made up, of the size that frozen features of street photos have. The figure says
what the schemes do, not what they are good for.
"""

import argparse
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

from variogeo import (
    DecorrelationWeighting,
    Exponential,
    FarWeighting,
    LagSpread,
    MaskWeighting,
    NearWeighting,
    Nested,
    ResidualWeighting,
    Stable,
    ThesisMultiplier,
    UniformWeighting,
    Weighting,
)
from variogeo.plotting import plot_weights

STREETS = Exponential(nugget=0.17, partial_sill=0.06, effective_range=20.0)
REGIONS = Exponential(nugget=0.0, partial_sill=0.07, effective_range=1200.0)
CURVE = Nested(STREETS, REGIONS)
STABLE = Stable(nugget=0.17, partial_sill=0.13, effective_range=1200.0, shape=0.9)
SPREAD = LagSpread(lag=(1.0, 100.0, 5000.0), spread=(0.035, 0.045, 0.055))


def schemes() -> dict[str, Weighting | ThesisMultiplier]:
    """Return the schemes of the figure by the name that the page gives them."""
    hard = ResidualWeighting.hard_negatives(CURVE, 1.0, spread=SPREAD)
    return {
        "uniform": UniformWeighting(),
        "decorrelation": DecorrelationWeighting(CURVE),
        "near up": NearWeighting(strength=1.0, scale=100.0),
        "far up": FarWeighting(strength=1.0),
        "mask of a band, and near up": MaskWeighting(within=25.0, beyond=1.0, coincident=False)
        + NearWeighting(strength=1.0, scale=100.0),
        "residual: hard negatives": hard,
        "residual: false negatives": ResidualWeighting.false_negatives(CURVE, 1.0, spread=SPREAD),
        "residual: false negatives, mask above 2.5": ResidualWeighting.false_negatives(
            CURVE, 1.0, spread=SPREAD, mask_above=2.5
        ),
        "residual: both": ResidualWeighting(CURVE, 1.0, spread=SPREAD),
        "residual: both, with a gap between": ResidualWeighting(
            CURVE, 1.0, spread=SPREAD, within=STREETS.effective_range
        ),
        "hard negatives, and a mask": hard + MaskWeighting(within=25.0),
        "thesis (multiplies the logit)": ThesisMultiplier(STABLE),
    }


def draw() -> Figure:
    """Return the figure: one panel per scheme."""
    with mpl.rc_context({"font.size": 8}):
        figure = Figure(figsize=(12.5, 12.0), layout="constrained")
        drawn = schemes()
        for (name, scheme), ax in zip(drawn.items(), figure.subplots(len(drawn) // 3, 3).ravel(), strict=True):
            plot_weights(scheme, ax=ax).set_title(name)
    return figure


def main(arguments: list[str] | None = None) -> None:
    """Write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "images" / "schemes.png")
    out = parser.parse_args(arguments).out
    drawn = BytesIO()
    draw().savefig(drawn, dpi=90)
    # A palette of 256 colours is enough for the surfaces, and makes a third of the file.
    Image.open(drawn).convert("RGB").quantize(256).save(out, optimize=True)
    print(f"{out}: {out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
