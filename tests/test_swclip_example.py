"""The example of SW-CLIP runs as it is, and so does its page."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

import variogeo

REPO = Path(__file__).parents[1]
EXAMPLE = REPO / "examples" / "train_swclip.py"
PAGE = REPO / "docs" / "swclip.md"

pytest.importorskip("transformers", reason="transformers is not installed")


def test_the_example_trains_and_its_loss_falls(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    printed = capsys.readouterr().out
    loss, consistency, fairness, self_mass = (
        [float(number) for number in re.findall(rf"{name} +([\d.]+)", printed)]
        for name in ("loss", "consistency", "fairness", "self-mass")
    )
    assert len(loss) == 6
    # Where text and image say nothing of each other the loss is that of guessing among 128, log 128 = 4.85.
    assert loss[-1] < loss[0] - 0.7
    assert loss[-1] < np.log(128) - 0.7
    assert min(consistency) > 0
    assert min(fairness) >= 0
    assert all(0.5 < mass < 1 for mass in self_mass)


def test_the_snippet_of_the_page_trains_all_parts():
    snippet = re.search(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)[1]
    assert snippet.count("\n") <= 30
    names = runpy.run_path(str(EXAMPLE), run_name="example")
    torch.manual_seed(0)
    lonlat, features = (column[:300] for column in variogeo.datasets.geoclip_photos())
    model = names["tiny_clip"]()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    made = {
        "lonlat": lonlat,
        "features": features,
        "images": names["images_of"](features),
        "tokens": names["tokens"],
        "region": torch.arange(300) % 3,
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "batches": [torch.arange(64)],
    }
    exec(compile(snippet, "swclip.md", "exec"), made)
    assert torch.isfinite(made["loss"])
    assert made["consistency"] > 0
    assert made["fairness"] > 0
    moved = [not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)]
    assert np.mean(moved) > 0.9
    for part in (made["forth"], made["back"]):
        assert (part.double().sum(dim=1) - 1).abs().max() < 1e-6
