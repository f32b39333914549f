"""Run all benchmarks, then write docs/benchmarks.md: ``python tests/benchmarks``, no terminal needed."""

import os
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_OPTIONS = (
    "-p", "no:cacheprovider", "-q", "-W", "default",
    "-o", "addopts=--import-mode=importlib", "-o", "python_files=bench_*.py",
    "--benchmark-columns=min,median,max,rounds", "--benchmark-sort=fullname",
)  # fmt: skip


def main() -> int:
    """Measure what is not measured yet, and write the report."""
    sys.path[0] = str(_HERE.parent)
    from benchmarks import settings

    preset = [name for name in settings.SLOW_BLAS if os.environ.pop(name, None) is not None]
    if preset:
        # OpenBLAS reads them when numpy is imported, which Python may have done on its way here.
        print(f"unset: {', '.join(preset)}", flush=True)
        os.execv(sys.executable, [sys.executable, str(_HERE)])
    print(f"{' and '.join(settings.SLOW_BLAS)} are not set", flush=True)
    os.environ["MPLBACKEND"] = "Agg"
    settings.CACHE.mkdir(exist_ok=True)
    os.chdir(settings.REPO)

    import pytest
    from compiled import discard_outdated

    discard_outdated()
    code = pytest.main([str(_HERE), *_OPTIONS])
    if code == pytest.ExitCode.INTERRUPTED:
        print("Interrupted: run it again to go on. The report is not written.")
        return int(code)
    from benchmarks.report import main as write_report

    write_report()
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
