"""Does weighting help, and how to tell: a fair comparison of losses on one small two-tower model. Needs torch."""

import variogeo.nn  # noqa: F401  first, because it says which extra is missing without torch
from variogeo.experiments._accuracy import accuracy_table, geoscore_difference
from variogeo.experiments._arms import ARMS, GROUPS, Arm, chosen_arms
from variogeo.experiments._blocks import block_interval, effective_blocks, held_out, spatial_blocks
from variogeo.experiments._experiment import FULL, SHORT, TINY, Size, run_experiment
from variogeo.experiments._report import report_text
from variogeo.experiments._result import ExperimentResult
from variogeo.experiments._splits import BlockSizes
from variogeo.experiments._training import predict, train
from variogeo.experiments._two_tower import TwoTower
from variogeo.experiments._world import PhotoWorld

__all__ = [
    "ARMS",
    "FULL",
    "GROUPS",
    "SHORT",
    "TINY",
    "Arm",
    "BlockSizes",
    "ExperimentResult",
    "PhotoWorld",
    "Size",
    "TwoTower",
    "accuracy_table",
    "block_interval",
    "chosen_arms",
    "effective_blocks",
    "geoscore_difference",
    "held_out",
    "predict",
    "report_text",
    "run_experiment",
    "spatial_blocks",
    "train",
]
