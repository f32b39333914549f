"""Adapters for trainers, one module per package; nothing is imported until you name the module that you need.

``variogeo.trainers.open_clip`` needs open_clip, ``variogeo.trainers.lightning`` needs Lightning, and so on. All need
torch.
"""

import variogeo.nn  # noqa: F401  first, because it says which extra is missing without torch
