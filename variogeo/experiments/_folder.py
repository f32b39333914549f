"""What the folder of an experiment holds: the result of another one is not replaced."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from variogeo.experiments._runs import ModelSettings
from variogeo.experiments._splits import SplitPhotos
from variogeo.experiments._training import TrainingSettings


def settings_of(
    split: SplitPhotos, model: ModelSettings, training: TrainingSettings, device: str | torch.device, **curves: int
) -> dict[str, Any]:
    """Return what all runs of an experiment follow from, in plain JSON types.

    Parameters
    ----------
    split : SplitPhotos
        Its checksum stands for the photos, their features, and the seed and the blocks that they were split by.
    model : ModelSettings
    training : TrainingSettings
    device : str or torch.device
    **curves : int
        What the curves are made from: how many photos, of which seed, how many regions.
    """
    photos = {"photos and split": split.fingerprint[:12]}
    return {**photos, **asdict(model), **asdict(training), "device": torch.device(device).type, **curves}


def refuse_another(file: Path, settings: dict[str, Any], arms: Sequence[str], seeds: Sequence[int]) -> None:
    """Refuse to replace a result that was made with other settings, or that holds more arms or seeds.

    Parameters
    ----------
    file : Path
        The result, where there is one.
    settings : dict
        Those of the new experiment, as `settings_of` returns them.
    arms : sequence of str
    seeds : sequence of int
        Of the new experiment.

    Raises
    ------
    ValueError
        Naming what differs.
    """
    if not file.is_file():
        return
    try:
        before = json.loads(file.read_bytes())
        kept, there = before["settings"], {"arms": [arm["name"] for arm in before["arms"]], "seeds": before["seeds"]}
        differing = [f"{name} {kept.get(name)}, now {new}" for name, new in settings.items() if kept.get(name) != new]
        for name, new in (("arms", arms), ("seeds", seeds)):
            without = [str(one) for one in there[name] if one not in new]
            differing += [f"{name} {', '.join(without)}, now left out"] if without else []
    except (ValueError, TypeError, KeyError, AttributeError):
        differing = ["it does not say what it was made with"]
    if differing:
        msg = (
            f"{file} is of another experiment, and would be replaced: {'; '.join(differing)}. Use another folder (out, "
            "on the command line --out), or remove that file. The same call goes on, also with more arms and seeds."
        )
        raise ValueError(msg)
