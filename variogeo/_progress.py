"""A progress bar for long work: on a terminal or in a notebook, nowhere else."""

import warnings
from typing import Any


def progress_bar(total: int, *, doing: str, unit: str) -> Any:
    """Return a tqdm bar (a context manager with ``update``) that appears after two seconds.

    Written to stderr. Without a terminal it stays silent, but for a notebook with ipywidgets, where
    it is a widget.
    """
    with warnings.catch_warnings():
        # tqdm warns once where ipywidgets are missing; the work itself does not need them.
        warnings.filterwarnings("ignore", message="IProgress not found")
        from tqdm.auto import tqdm
    is_widget = any(parent.__name__ == "tqdm_notebook" for parent in tqdm.__mro__)
    return tqdm(total=total, desc=doing, unit=unit, disable=False if is_widget else None, delay=2)
