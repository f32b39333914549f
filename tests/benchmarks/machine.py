"""The machine and the versions that a measurement belongs to."""

import importlib.metadata
import os
import platform
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

_PACKAGES = (
    "numba", "scipy", "torch", "scikit-gstat", "gstools", "gstools_core", "treecorr", "pyproj", "distributed",
)  # fmt: skip


def describe() -> list[str]:
    """Return lines of text: processor, product library, versions."""
    blas = [f"{one['internal_api']} {one['version']} ({one.get('architecture', '')}, {one['num_threads']} threads)"
            for one in threadpool_info() if one["user_api"] == "blas"]  # fmt: skip
    return [
        f"{_processor()}, {os.cpu_count()} cores, {_memory()}, {platform.system()}",
        f"Python {platform.python_version()}, numpy {np.__version__} with {' and '.join(dict.fromkeys(blas))}",
        ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
    ]


def _processor() -> str:
    """Return the model with the family, as a virtual machine hides the first."""
    file = Path("/proc/cpuinfo")
    fields = [line.partition(":") for line in file.read_text().splitlines()] if file.exists() else []
    first = {name.strip(): text.strip() for name, _, text in reversed(fields)}
    if "model name" not in first:
        return platform.processor() or platform.machine()
    vectors = "AVX-512" if "avx512f" in first.get("flags", "") else "AVX2" if "avx2" in first.get("flags", "") else ""
    return f"{first['model name']} (family {first.get('cpu family')}, model {first.get('model')}, {vectors})"


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB"
    except (ValueError, OSError, AttributeError):
        return "memory unknown"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
