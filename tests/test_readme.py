"""The snippets of the README run as printed, one after the other."""

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch

import variogeo

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def snippets():
    return re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)


def test_the_snippet_for_geographers_writes_a_plot(snippets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with mpl.rc_context({"backend": "Agg"}):
        exec(compile(snippets[0], "README", "exec"), {})
    assert (tmp_path / "variogram.png").read_bytes()[1:4] == b"PNG"


def test_the_snippet_for_engineers_gives_a_loss(snippets):
    """A batch of 8 with a queue of 8 in front, so that the positives stand behind it."""
    photos = variogeo.datasets.geoclip_photos()
    lonlat, features = photos.lonlat[:400], photos.embeddings[:400]
    gps_all = torch.tensor(lonlat[:16][:, ::-1].copy(), dtype=torch.float64)
    all_features = torch.tensor(features[:16])
    names = {
        "lonlat": lonlat,
        "features": features,
        "gps": gps_all[8:],
        "gps_all": gps_all,
        "batch_features": all_features[8:],
        "all_features": all_features,
        "target": torch.arange(8, 16),
        "logits": torch.zeros(8, 16),
    }
    exec(compile(snippets[1], "README", "exec"), names)
    assert (names["log_weights"][torch.arange(8), names["target"]] == 0).all()
    weights = np.exp(names["log_weights"].double().numpy())
    assert names["loss"].item() == pytest.approx(np.log(weights.sum(axis=1)).mean(), rel=1e-6)
