"""What an import loads, which way imports point, and what the lock pins."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import variogeo

REPO = Path(__file__).parents[1]
PACKAGE = REPO / "variogeo"

EXTRAS = (
    "", "torch", "gstat", "distributed", "pysal", "report", "geoclip", "open-clip", "transformers",
    "sentence-transformers", "metric-learning", "lightning",
)  # fmt: skip

HEAVY = (
    "torch", "matplotlib", "pandas", "geopandas", "gstools", "skgstat", "sklearn", "scipy", "numba", "pyproj",
    "shapely", "pyarrow", "tqdm", "bokeh", "jinja2",
)  # fmt: skip

# Each module may import those of its own line or of the lines above it, and no leaf.
LAYERS = (
    {"_namespace", "_rows", "_cores", "_read_only"},
    {"_citation", "_html", "_cards", "_land", "_longitudes", "_suspicions"},
    {"_checks", "_progress"},
    {"_lonlat"},
    {
        "_distances",
        "_storage",
        "_missing",
        "_points",
        "_provenance",
        "_geometry",
        "_files",
        "_mapped",
        "_label_codes",
    },
    {"_columns"},
    {"_parquet_rows"},
    {"_lags", "_model", "_pairs", "_geohash", "_nearest_place"},
    {"_usable_lags"},
    {"_distance_kernels", "_location_text"},
    {"_engine._histogram", "_engine._class_sums", "_engine._latest", "_engine._caps", "_engine.cpu._zones", "_models"},
    {"_libpysal"},
    {"_engine.cpu._compiled", "_engine._sums", "_nested"},
    {"_engine.cpu._rows", "_engine.cpu._halving", "_engine.cpu", "_engine.running", "_engine.sampling"},
    {"_engine._blocks", "sampling_bias._neighbours"},
    {"_engine._marks", "_engine._terms", "_engine.sampling._sample_kernels"},
    {
        "_engine.cpu._marked",
        "_engine.cpu._moments",
        "_engine.cpu._settle",
        "_engine.cpu._zero_lag",
        "_engine.cpu._row_terms",
        "_engine.cpu._products",
    },
    {"_engine.sampling._candidates", "_engine._device_plan"},
    {"_engine.sampling._sample", "_engine._device_terms"},
    {"_engine.cpu._sorting", "_engine.cpu._nodes"},
    {"_engine.cpu._gathered", "_engine.cpu._lag_sums", "_engine.cpu._sides", "_engine.cpu._dual"},
    {"_engine.cpu._block_sums"},
    {"_engine._job"},
    {"_engine._cost"},
    {"_engine.tiles._zones", "_engine.tiles._kernels", "_engine.tiles._tile_terms"},
    {"_engine.tiles._tiles"},
    {"_engine.tiles"},
    {"_engine.running._transport", "_engine.running._flight", "_engine.running._journal"},
    {"_engine.running._worker"},
    {"_engine.running._executors"},
    {"_engine.running._run", "_engine._torch"},
    {"_engine._accumulate"},
    {"_engine"},
    {"_patch_sums", "_point_marks", "_prepared", "_tables"},
    {"_dimension", "_estimators", "_parameters", "_space", "_leastsquares"},
    {"_empirical"},
    {"_from_pairs"},
    {"_weighting._arguments", "_weighting._base", "_weighting._lag_spread", "_weighting._row_mean"},
    {
        "_weighting._decorrelation",
        "_weighting._lag_only",
        "_weighting._residual",
        "_weighting._thesis",
    },
    {"_weighting"},
    {"_estimation", "_fit", "_loading", "_curve", "_solving", "_outcomes"},
    {"_fitting"},
    {"_cross", "regions._labels", "regions._grouped"},
    {"sampling_bias._density", "sampling_bias._residuals", "sampling_bias._largest_shares"},
    {"direction._sectors", "inference._holm", "inference._intervals", "inference._fibonacci", "inference._uncertainty"},
    {
        "direction._directional",
        "inference._patches",
        "inference._jackknife",
        "inference._bootstrap",
        "inference._fit_intervals",
    },
    {"direction._anisotropy", "inference._comparison"},
    {"inference._envelope", "inference._kernels", "local._expected", "local._groups", "local._lines"},
    {"inference._place_pairs", "local._kinds", "local._excess"},
    {"inference._permutation", "local._strongest", "local._kind_counts"},
    {"local._hot_pairs"},
    {"local"},
    {"sampling_bias._comparison"},
    {"direction", "inference", "regions", "sampling_bias"},
    {"checkup._findings"},
    {"checkup._coordinates", "checkup._groups", "checkup._source_rows"},
    {"checkup._embedding_rows", "checkup._maps", "checkup._ways"},
    {"checkup._page"},
    {"checkup._checkup"},
    {"checkup._check", "checkup"},
    {"nn.losses", "nn.losses._pair_logits", "nn._coordinates", "nn._cards", "nn._distributed"},
    {"nn.losses._row_terms", "nn._ride_along", "nn._noise", "nn._queue"},
    {"nn.losses._row_gradients", "nn.losses._chunked", "nn._sides", "nn._kernel_rows", "nn._state", "nn._fairness"},
    {"nn.losses._weighted", "nn._summary", "nn._running_variogram"},
    {"nn.losses._hard_contrastive", "nn._negative_weights", "nn._soft_targets", "nn._neighborhood"},
    {"nn"},
    {
        "trainers._arguments",
        "trainers._carried",
        "trainers._coordinate_model",
        "trainers._labels",
        "trainers._ranks",
        "trainers._riding_weights",
    },
    {"trainers._contrastive_loss", "trainers._siglip_loss"},
    {"trainers._geoclip_parts", "trainers._gallery"},
    {"trainers._weighted_geoclip"},
    {
        "trainers",
        "trainers.geoclip",
        "trainers.open_clip",
        "trainers.transformers",
        "trainers.sentence_transformers",
        "trainers.metric_learning",
        "trainers.lightning",
    },
)
LEAVES = {"io", "interop", "plotting", "reporting", "evaluation", "datasets", "synthetic", "cli", "demo", "__main__"}
# The demonstration, its training and the evaluation over a gallery are the end of the line: they use the leaves.
ENDS = {"cli", "demo", "__main__", "trainers._gallery", "reporting._page"}


def _modules():
    for file in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        yield ("" if name == "__init__" else name), file


def _imported(file):
    """Modules of variogeo that a file imports, at its top or inside functions."""
    names = [name for name, _ in _modules()]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "variogeo":
            base = (node.module or "").partition(".")[2]
            for alias in node.names:
                inner = f"{base}.{alias.name}".strip(".")
                yield inner if inner in names else base


def test_importing_variogeo_loads_numpy_only():
    code = f"import sys, variogeo; print([name for name in {HEAVY} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_public_name_is_there_and_listed():
    pytest.importorskip("torch")
    for name in variogeo.__all__:
        assert getattr(variogeo, name) is not None
    assert set(dir(variogeo)) > set(variogeo.__all__)
    for name in set(dir(variogeo)) - set(variogeo.__all__):
        assert getattr(variogeo, name).__name__ == f"variogeo.{name}"
    assert "io" not in variogeo.__all__  # a star import must not hide the standard library's
    with pytest.raises(AttributeError, match="no attribute 'variograms'"):
        variogeo.variograms  # noqa: B018


def test_imports_point_one_way():
    depth = {module: k for k, layer in enumerate(LAYERS) for module in layer}
    for name, file in _modules():
        if not name or name.startswith("experiments"):
            continue
        leaf = name.split(".")[0]
        assert name in depth or leaf in LEAVES, f"{name} has no place in the layers"
        for other in _imported(file):
            if name in ENDS or leaf == "cli":
                continue
            assert other.split(".")[0] not in LEAVES - {leaf}, f"{name} imports the leaf {other}"
            if name in depth:
                assert depth[other] <= depth[name], f"{name} imports {other}, which stands above it"


def test_torch_is_imported_in_nn_trainers_experiments_and_the_device_engine_only():
    for name, file in _modules():
        imports = re.findall(r"^\s*(?:import|from) torch\b", file.read_text(), flags=re.MULTILINE)
        assert not imports or name.split(".")[0] in ("nn", "trainers", "experiments") or name == "_engine._torch", name


def test_modules_and_functions_stay_short():
    for name, file in _modules():
        text = file.read_text()
        assert text.count("\n") <= 300, name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                lines = node.end_lineno - node.lineno - (ast.get_docstring(node, clean=False) or "").count("\n")
                assert lines <= 60, f"{name}.{node.name}"


def test_the_lock_pins_everything_that_is_installed():
    lines = (REPO / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    pinned = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pinned.items()}
    assert pinned["torch"] == "2.13.0"
    needed = _requirements("variogeo")
    assert len(needed) > 30
    missing = needed - set(pinned)
    assert not missing


def _requirements(name, seen=None):
    """Everything that an installed distribution needs here, itself excluded."""
    from packaging.requirements import Requirement

    seen = set() if seen is None else seen
    for text in importlib.metadata.requires(name) or []:
        requirement = Requirement(text)
        if requirement.marker and not any(requirement.marker.evaluate({"extra": e}) for e in EXTRAS):
            continue
        key = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if key in seen or key == "variogeo":
            continue
        try:
            importlib.metadata.distribution(key)
        except importlib.metadata.PackageNotFoundError:
            continue
        seen.add(key)
        _requirements(key, seen)
    return seen
