"""The documents: names, links, formulas, the cheat sheet and the catalogue of errors agree with the code."""

import ast
import re
import runpy
from collections import Counter
from pathlib import Path

import pytest

import variogeo

REPO = Path(__file__).parents[1]
DOCS = REPO / "docs"
WRITTEN = sorted(
    path
    for path in [*DOCS.rglob("*.md"), *DOCS.rglob("*.rst")]
    if not {"_build", "_templates", "generated", "gallery", "notebooks"} & set(path.relative_to(DOCS).parts[:-1])
)


def _public(file):
    """Return the names that a public module offers: those of ``__all__``, else what it defines."""
    tree = ast.parse(file.read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [name for name in defined if not name.startswith("_")]


def _public_names():
    """Every public name with the module that it is imported from."""
    names = {f"variogeo.{name}" for name in variogeo.__all__}
    package = REPO / "variogeo"
    modules = set(dir(variogeo)) - set(variogeo.__all__)
    for module in modules:
        file = package / f"{module}.py"
        offered = _public(file if file.exists() else package / module / "__init__.py")
        # What has its path at the top as well is listed there.
        names |= {f"variogeo.{module}.{name}" for name in offered if name not in variogeo.__all__}
    for file in (package / "trainers").glob("[a-z]*.py"):
        names |= {f"variogeo.trainers.{file.stem}.{name}" for name in _public(file)}
    return names


def _listed_names():
    """Every name on the pages of the API, as often as it stands there."""
    listed = Counter()
    for page in (DOCS / "api").glob("*.rst"):
        module, within = "", False
        for line in page.read_text().splitlines():
            if line.startswith(".. currentmodule::"):
                module = line.split("::")[1].strip()
            within = line.startswith(".. autosummary::") or (within and (not line or line.startswith("   ")))
            if within and re.fullmatch(r"   \w+", line):
                listed[f"{module}.{line.strip()}"] += 1
    return listed


def test_every_public_name_is_on_exactly_one_page_of_the_api():
    listed = _listed_names()
    assert set(listed) == _public_names()
    assert [name for name, count in listed.items() if count > 1] == []


def test_every_page_of_the_api_is_in_its_table_of_contents():
    contents = re.findall(r"^   (\w+)$", (DOCS / "api" / "index.rst").read_text(), flags=re.MULTILINE)
    assert sorted(contents) == sorted(page.stem for page in (DOCS / "api").glob("*.rst") if page.stem != "index")


def _anchors(page):
    """Return the places of a Markdown page that a link may name, as its headings give them."""
    headings = re.findall(r"^#{1,3} (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


# Pages that are made when the site is built.
BUILT = {DOCS / "gallery" / "index.rst"}


@pytest.mark.parametrize("page", [REPO / "README.md", *WRITTEN], ids=lambda path: str(path.relative_to(REPO)))
def test_links_lead_to_files_and_headings_that_exist(page):
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
    for address in re.findall(r"\]\(([^)\s]+)\)", text):
        if address.startswith(("http://", "https://")):
            continue
        path, _, place = address.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists() or target in BUILT, address
        assert not place or place in _anchors(target), address
    for name in re.findall(r":doc:`/([\w/]+)`", page.read_text()):
        assert (DOCS / f"{name}.md").exists(), name


def test_the_pages_say_nothing_that_ages_or_is_left_to_do():
    for page in WRITTEN:
        assert not re.search(r"\bTODO\b|\bFIXME\b|\bcoming soon\b", page.read_text()), page


CONF = runpy.run_path(str(DOCS / "conf.py"))


def test_the_configuration_needs_no_network_and_names_what_is_there():
    group = (REPO / "pyproject.toml").read_text().split("\ndocs = [")[1].split("]")[0]
    for extension in CONF["extensions"]:
        package = {"sphinx.ext": "sphinx", "myst_nb": "myst-nb", "sphinx_gallery": "sphinx-gallery"}
        assert any(
            part in group
            for part in (package.get(extension.rpartition(".")[0], ""), package.get(extension), extension)
            if part
        )
    assert "sphinx.ext.intersphinx" not in CONF["extensions"]
    assert CONF["mathjax_path"] == "tex-svg.js"
    assert CONF["nb_ipywidgets_js"] == {}
    assert CONF["release"] == variogeo.__version__
    for folder in (*CONF["html_static_path"], *CONF["templates_path"]):
        assert (DOCS / folder).is_dir()
    for sheet in CONF["html_css_files"]:
        assert (DOCS / "_static" / sheet).exists()
    assert Path(CONF["sphinx_gallery_conf"]["examples_dirs"][0]).is_dir()


def test_what_is_copied_beside_the_pages_keeps_its_date_when_it_is_the_same(tmp_path):
    target = tmp_path / "new" / "file.js"
    CONF["write_changed"](target, b"one")
    before = target.stat().st_mtime_ns
    CONF["write_changed"](target, b"one")
    assert target.stat().st_mtime_ns == before
    CONF["write_changed"](target, b"two")
    assert target.read_bytes() == b"two"


def test_notebooks_get_links_that_fit_and_the_metadata_that_outputs_must_have():
    text = '{"cells": [{"source": "[s](../docs/schemes.md)", "outputs": [{"output_type": "display_data"}, %s]}]}'
    copied = CONF["notebook_for_pages"](text % '{"output_type": "stream", "metadata": null}')
    assert "[s](../schemes.md)" in copied
    assert '[{"output_type": "display_data", "metadata": {}}, {"output_type": "stream"}]' in copied


def test_the_page_on_the_command_line_has_the_options_of_every_command():
    script = runpy.run_path(str(DOCS / "scripts" / "command_line.py"))
    assert script["main"](["--check"]) == 0, "run python docs/scripts/command_line.py"
    assert set(script["helps"]()) >= {"check", "fit", "report", "merge", "weights", "demo", "experiment"}
    assert script["page"]("Above.\n") != "Above.\n"


def test_pages_of_scripts_notebooks_and_names_that_are_gone_are_left_over(tmp_path):
    kept = ["gallery/plot_1.rst", "gallery/plot_1.py.md5", "notebooks/01.ipynb", "api/generated/variogeo.load.rst"]
    gone = ["gallery/plot_2.rst", "gallery/plot_2.ipynb", "notebooks/02.ipynb", "api/generated/variogeo.io.gone.rst"]
    for name in kept + gone:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "api" / "io.rst").write_text(".. autosummary::\n\n   load\n")
    assert {str(path.relative_to(tmp_path)) for path in CONF["left_over"](tmp_path, {"plot_1"}, {"01"})} == set(gone)
