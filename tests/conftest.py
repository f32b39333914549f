"""Shared points, fields and folders."""

import os
from pathlib import Path

import numpy as np
import pytest
from compiled import discard_outdated

from variogeo import Exponential, datasets
from variogeo.synthetic import gaussian_field, uniform_lonlat

os.environ.setdefault("MPLBACKEND", "Agg")

discard_outdated()

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real data that may not be redistributed; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the shared data folder is not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def torch():
    """Return torch, for tests of what numpy does as well; they are skipped where it is not installed."""
    return pytest.importorskip("torch")


@pytest.fixture(scope="session")
def photos():
    """300 of the bundled photos."""
    lonlat, embeddings = datasets.geoclip_photos()
    return lonlat[:300], embeddings[:300]


@pytest.fixture(scope="session")
def scattered():
    """700 points with near neighbours, the poles, the antimeridian and repeated places; 5 columns."""
    random = np.random.default_rng(7)
    lonlat = uniform_lonlat(700, seed=7)
    lonlat[100:200] = lonlat[:100] + random.normal(0, 0.05, (100, 2))
    lonlat[:, 1] = np.clip(lonlat[:, 1], -90, 90)
    lonlat[:8] = [(180, 10), (-180, 10), (179.999, 10), (0, 90), (77, 90), (5, -90), (12, 48), (12, 48)]
    return lonlat, random.normal(1.0, 1.0, (700, 5))


@pytest.fixture(scope="session")
def known_field():
    """1 500 points and embeddings whose variogram is known."""
    model = Exponential(nugget=0.1, partial_sill=0.3, effective_range=3000.0)
    lonlat = uniform_lonlat(1500, seed=3)
    return lonlat, gaussian_field(lonlat, model, dimensions=256, seed=3), model
