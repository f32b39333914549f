"""How points are shared out among groups, such as the sequences of photos."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from variogeo._cards import settings_html
from variogeo.checkup._findings import Finding, about_rows, counted

_FEWEST, _LARGEST = 10, 0.5
"""A jackknife wants ten groups and more, and none that holds half of the points."""


@dataclass(frozen=True)
class GroupSizes:
    """How many groups there are, and how large the largest is.

    Parameters
    ----------
    count : int
        Number of different labels.
    largest : str
        Label of the largest group.
    share : float
        Share of the largest group in all rows.
    """

    count: int
    largest: str
    share: float

    _repr_html_ = settings_html


def group_sizes(groups: Any, n: int) -> tuple[GroupSizes | None, list[Finding]]:
    """Return the sizes of the groups, or None without any label, and what is found."""
    from variogeo._label_codes import label_codes

    labels, codes = label_codes(groups, n, name="groups")
    found: list[Finding] = []
    if (missing := np.flatnonzero(codes < 0)).size:
        text = (
            f"{counted(len(missing), 'row')} without a label, {about_rows(missing)}. exclude= takes each as a group of "
            "its own, patches= refuses them. Give each a label, or drop them."
        )
        found.append(Finding("warning", "missing labels", text, missing))
    if not labels:
        return None, found
    sizes = np.bincount(codes[codes >= 0], minlength=len(labels))
    most = int(np.argmax(sizes))
    share = float(sizes[most]) / n
    if len(labels) < _FEWEST or share > _LARGEST:
        text = (
            f"{counted(len(labels), 'group')}, the largest with {share:.0%} of the rows. As patches of a jackknife "
            f"that is too few or too uneven. Take {_FEWEST} and more, e.g. variogeo.inference.kmeans_patches."
        )
        found.append(Finding("note", "few groups", text))
    return GroupSizes(len(labels), labels[most], share), found
