"""What is left without some packages: ``python without_extras.py FOLDER PACKAGE...`` prints it as JSON.

The packages are absent for this process: no finder of modules finds them.
"""

import contextlib
import importlib
import io
import json
import runpy
import sys
from pathlib import Path


class Without:
    """The finders of modules, which find all but some packages."""

    def __init__(self, packages):
        self._packages, self._finders = packages, list(sys.meta_path)

    def find_spec(self, name, path=None, target=None):
        """Return where a module is, or None."""
        if name.split(".")[0] in self._packages:
            return None
        specs = (finder.find_spec(name, path, target) for finder in self._finders)
        return next((spec for spec in specs if spec is not None), None)


def main_line(folder):
    """Go from points to a plot and a file, with what is always installed, and return what came out."""
    import matplotlib as mpl

    mpl.use("Agg")
    import variogeo

    lonlat, embeddings = variogeo.datasets.geoclip_photos()
    empirical = variogeo.empirical_variogram(lonlat[:300], embeddings[:300], variogeo.LagBins.linear(0, 8000, 8))
    fit = variogeo.fit_variogram(empirical, variogeo.Exponential)
    variogeo.plotting.plot_variogram(empirical, fit).figure.savefig(folder / "variogram.png")
    fit.model.save(folder / "model.json")
    return variogeo.load(folder / "model.json") == fit.model and int(empirical.npairs.sum())


def of_gstools():
    import variogeo

    return variogeo.interop.to_gstools(variogeo.Exponential(0.1, 0.2, 300.0))


def of_libpysal():
    import variogeo

    return variogeo.interop.to_libpysal([[8.0, 50.0], [8.1, 50.0]], variogeo.Exponential(0.1, 0.2, 300.0))


def of_distributed():
    import variogeo

    client = type("Client", (), {"__module__": "distributed.client"})()
    lonlat, embeddings = variogeo.datasets.geoclip_photos()
    return variogeo.empirical_variogram(lonlat[:9], embeddings[:9], variogeo.LagBins([0, 9000]), executor=client)


def of_report():
    import variogeo

    lonlat, embeddings = variogeo.datasets.geoclip_photos()
    return variogeo.report(lonlat[:100], embeddings[:100], Path(sys.argv[1]) / "report.html")


def of_command():
    """Return the last line on stderr of a command that trains, as the error that it stands for."""
    from variogeo import cli

    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = cli.main(["experiment", "--tiny", "--out", f"{sys.argv[1]}/experiment"])
    if code == 1:
        raise ImportError(said.getvalue().strip())


def of_example(file):
    """Return the one line of an example that cannot run, as the error that it stands for."""
    try:
        runpy.run_path(str(file), run_name="__main__")
    except SystemExit as end:
        raise ImportError(end.code) from None


EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("train_*.py"))
USES = {
    "interop.to_gstools": of_gstools,
    "interop.to_libpysal": of_libpysal,
    "empirical_variogram, executor": of_distributed,
    "report": of_report,
}
MODULES = ("nn", "experiments", "trainers.open_clip", "trainers.geoclip", "trainers.transformers",
           "trainers.sentence_transformers", "trainers.metric_learning", "trainers.lightning")  # fmt: skip


def outcome(use):
    """Return the type and the text of the error, or none; a second call must say the same."""
    said = []
    for _ in range(2):
        try:
            use()
        except Exception as error:
            said.append([type(error).__name__, str(error)])
        else:
            said.append(None)
    return said[0] if said[0] == said[1] else said


def main(folder, packages):
    sys.meta_path[:] = [Without(packages)]
    found = {"main line": main_line(Path(folder))}
    found["loaded"] = sorted(packages & {name.split(".")[0] for name in sys.modules})
    if "torch" in packages:
        found |= {name: outcome(use) for name, use in USES.items()}
        found["variogeo experiment"] = outcome(of_command)
    for module in MODULES:
        found[module] = outcome(lambda name=module: importlib.import_module(f"variogeo.{name}"))
    for file in EXAMPLES:
        # That of GeoCLIP itself needs nothing but torch, and its arguments.
        if "torch" in packages or file.stem != "train_geoclip":
            found[file.stem] = outcome(lambda file=file: of_example(file))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], set(sys.argv[2:]))
