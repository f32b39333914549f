"""Put a finished experiment into the documents: its report, its plot and the command that made it.

After ``variogeo experiment --short --out experiment-output/short`` (``make experiment``)::

    python docs/scripts/experiment_study.py experiment-output/short

writes ``docs/studies/experiment_short.md`` and ``docs/images/experiment_short.png``; the name is the folder's.
"""

import argparse
import platform
import shutil
from pathlib import Path

import torch

DOCS = Path(__file__).parents[1]


def main() -> None:
    """Write the page and copy the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what --out was")
    parser.add_argument("--command", help="that made it (default: variogeo experiment --NAME --out FOLDER)")
    arguments = parser.parse_args()
    name = arguments.folder.name
    command = arguments.command or f"variogeo experiment --{name} --out {arguments.folder}"
    report = (arguments.folder / "report.txt").read_text()
    page, image = DOCS / "studies" / f"experiment_{name}.md", DOCS / "images" / f"experiment_{name}.png"
    page.write_text(
        f"# Experiment: {name}\n\n"
        f"Written by `docs/scripts/experiment_study.py` from the outcome of `{command}`.\n"
        f"torch {torch.__version__}, {platform.system()} {platform.machine()}. What the arms are and how to read the "
        "tables: [experiment.md](../experiment.md).\n\n"
        f"![Differences](../images/{image.name})\n\n```\n{report}```\n"
    )
    shutil.copyfile(arguments.folder / "differences.png", image)
    print(f"{page}\n{image}")


if __name__ == "__main__":
    main()
