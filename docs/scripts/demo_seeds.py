"""Run the demonstration's training with several seeds: what one seed can and cannot resolve.

The caution that ``variogeo demo`` prints comes from ``python docs/scripts/demo_seeds.py 10 11 12 13 14 15 16 17``,
about half a minute a seed on two cores.
"""

import sys

import numpy as np
from scipy.stats import t

from variogeo import demo
from variogeo.datasets import geoclip_photos
from variogeo.evaluation import accuracy_within, geoscore
from variogeo.experiments import PhotoWorld


def main(seeds: list[int]) -> None:
    """Print the difference of each seed, its mean, its 95 % interval and its standard deviation."""
    gains = []
    for seed in seeds:
        world = PhotoWorld.simulate(geoclip_photos(), photos_per_position=demo.FULL.photos_per_position, seed=seed)
        _, scheme = demo.fit_scheme(world, curve_photos=demo.FULL.curve_photos)
        predictions = demo.train_arms(world, scheme, epochs=demo.FULL.epochs, seed=seed)
        plain, weighted = (
            [geoscore(places, world.test.lonlat), *accuracy_within(places, world.test.lonlat).values()]
            for places in (predictions["plain"], predictions["weighted"])
        )
        gains.append(np.subtract(weighted, plain) * [1, 100, 100, 100, 100, 100])
        print(f"seed {seed}: plain {plain[0]:.0f}, weighted {weighted[0]:.0f}, {scheme.model}", flush=True)
    mean, deviation = np.mean(gains, axis=0), np.std(gains, axis=0, ddof=1)
    half = t.ppf(0.975, len(seeds) - 1) * deviation / np.sqrt(len(seeds))
    names = ("GeoScore", *(f"points within {km} km" for km in (1, 25, 200, 750, 2500)))
    for name, *figures in zip(names, mean, half, deviation, strict=True):
        print("{}: {:+.1f} +- {:.1f} (95 %), standard deviation {:.1f}".format(name, *figures))


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]])
