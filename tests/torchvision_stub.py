"""open_clip without torchvision: stand-ins for the names that it imports, for as long as the import takes.

torchvision has no build for a torch without CUDA, and nothing that is tested here calls it. The stand-ins are taken
away again after the import, so that other packages still see that torchvision is absent.
"""

import enum
import importlib
import sys
from types import ModuleType
from unittest import mock

import torch
from transformers.utils.import_utils import is_torchvision_available

TRANSFORMS = (
    "CenterCrop", "ColorJitter", "Compose", "Grayscale", "Normalize", "RandomResizedCrop", "Resize", "ToTensor",
)  # fmt: skip


def import_open_clip() -> ModuleType:
    """Return open_clip, with its training loop loaded as well; the real torchvision is taken where there is one."""
    # transformers keeps the first answer; it must not come from the stand-ins.
    if is_torchvision_available():
        importlib.import_module("open_clip_train.train")
    elif "open_clip" not in sys.modules:
        # timm, which open_clip can do without, would want more of torchvision.
        with mock.patch.dict(sys.modules, {**_stand_ins(), "timm": None}):
            importlib.import_module("open_clip_train.train")
            loaded = {name: module for name, module in sys.modules.items() if name.split(".")[0] not in _HIDDEN}
        sys.modules.update(loaded)
    return importlib.import_module("open_clip")


_HIDDEN = ("torchvision", "timm")


def _stand_ins() -> dict[str, ModuleType]:
    """Return modules with the names that open_clip imports."""
    top, transforms, functional, ops, misc = (
        ModuleType(f"torchvision{name}") for name in ("", ".transforms", ".transforms.functional", ".ops", ".ops.misc")
    )
    for name in TRANSFORMS:
        setattr(transforms, name, type(name, (), {}))
    transforms.__dict__["InterpolationMode"] = enum.Enum("InterpolationMode", ["BICUBIC", "BILINEAR", "NEAREST"])
    misc.__dict__["FrozenBatchNorm2d"] = type("FrozenBatchNorm2d", (torch.nn.Module,), {})
    transforms.__dict__["functional"], ops.__dict__["misc"] = functional, misc
    top.__dict__.update(transforms=transforms, ops=ops)
    return {module.__name__: module for module in (top, transforms, functional, ops, misc)}
