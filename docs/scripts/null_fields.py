"""Measure how often the permutation test rejects, with nothing to find and with something: docs/studies/envelope.md.

``python docs/scripts/null_fields.py`` draws fields at clustered places, of which some have several photos, tests each,
and writes the table. It takes some minutes.
"""

from pathlib import Path

import numpy as np

from variogeo import Exponential, LagBins
from variogeo.inference import PermutationEnvelope, permutation_test
from variogeo.synthetic import gaussian_field, uniform_lonlat

FIELDS, POWER_FIELDS, PERMUTATIONS = 500, 200, 999
CLUSTERS, PLACES, DIMENSIONS = 12, 120, 16
BINS = LagBins(np.concatenate([[0.0], np.geomspace(30, 10_000, 12)]))
REACH = 2000.0
PAGE = Path(__file__).parents[1] / "studies" / "envelope.md"


def places_and_rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return clustered places, and the place of each photo: one to four photos at each."""
    random = np.random.default_rng(seed)
    centres = uniform_lonlat(CLUSTERS, seed=seed)
    spread = random.uniform(0.1, 5.0, CLUSTERS)
    cluster = random.integers(0, CLUSTERS, PLACES)
    places = centres[cluster] + spread[cluster, None] * random.normal(size=(PLACES, 2))
    places = np.column_stack([(places[:, 0] + 180) % 360 - 180, np.clip(places[:, 1], -89, 89)])
    return places, np.repeat(np.arange(PLACES), 1 + random.binomial(3, 0.2, PLACES))


def noise_test(seed: int, *, alike: bool, one_by_one: bool = False) -> PermutationEnvelope:
    """Return the test of white noise; ``alike`` photos of a place differ less than those of two places.

    ``one_by_one`` gives each photo a place of its own, some metres off, so that photos are exchanged alone.
    """
    places, rows = places_and_rows(seed)
    random = np.random.default_rng([seed, 1])
    lonlat = places[rows]
    values = random.normal(size=(len(rows), DIMENSIONS)) + alike * 2.0 * random.normal(size=(PLACES, DIMENSIONS))[rows]
    if one_by_one:
        lonlat = lonlat + 1e-4 * random.normal(size=lonlat.shape)
    return permutation_test(lonlat, values, BINS, dissimilarity="half_squared", permutations=PERMUTATIONS, seed=seed)


def field_test(seed: int, share: float) -> PermutationEnvelope:
    """Return the test of a field of which a ``share`` of the sill has a range, and the rest none."""
    places, rows = places_and_rows(seed)
    model = Exponential(nugget=0.4 * (1 - share), partial_sill=0.4 * share, effective_range=REACH)
    values = gaussian_field(places[rows], model, dimensions=DIMENSIONS, seed=seed)
    return permutation_test(places[rows], values, BINS, permutations=PERMUTATIONS, seed=seed)


def rates(results: list[PermutationEnvelope]) -> tuple[float, float, float]:
    """Return how often the envelope, Holm in any bin, and any bin by itself reject at 5 %."""
    return (
        float(np.mean([result.p_value <= 0.05 for result in results])),
        float(np.mean([np.nanmin(result.p_holm) <= 0.05 for result in results])),
        float(np.mean([np.nanmin(result.p_per_bin) <= 0.05 for result in results])),
    )


def line(name: str, results: list[PermutationEnvelope]) -> str:
    """Return a row of the table."""
    cells = [f"{100 * rate:.1f} %" for rate in rates(results)]
    return f"| {name} | {len(results)} | " + " | ".join(cells) + " |"


def main() -> None:
    """Write the page."""
    rows = [
        line("white noise", [noise_test(seed, alike=False) for seed in range(FIELDS)]),
        line("white noise, photos of a place alike", [noise_test(seed, alike=True) for seed in range(FIELDS)]),
        line(
            "the same, photos exchanged one by one",
            [noise_test(seed, alike=True, one_by_one=True) for seed in range(POWER_FIELDS)],
        ),
    ]
    rows += [
        line(f"field, {share:.0%} of its sill with a range", [field_test(seed, share) for seed in range(POWER_FIELDS)])
        for share in (0.02, 0.05, 0.1, 0.2)
    ]
    text = f"""# How often the permutation test rejects

Written by `docs/scripts/null_fields.py`. Each field has {PLACES} places in {CLUSTERS} clusters, one to four photos at
each, {DIMENSIONS} entries, {len(BINS)} bins to 10 000 km; {PERMUTATIONS} permutations, tests at 5 %. The fields with
structure are exponential with an effective range of {REACH:g} km.

| values | fields | global envelope | Holm, any bin | any bin by itself |
|---|---|---|---|---|
{chr(10).join(rows)}

The first two rows have nothing to find: the envelope should reject 5 %, with a standard error of 1 % over {FIELDS}
fields. Looking at each bin by itself does not hold its level, because there are many bins. Nor does exchanging
single photos, which takes the likeness within places for autocorrelation. The smallest p-value of a bin is
2 / {PERMUTATIONS + 1}, which Holm multiplies by up to {len(BINS)}: with 199 permutations and {len(BINS)} bins it could
never reject.
"""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
