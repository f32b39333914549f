"""How Sphinx builds these pages: offline, with every warning an error. ``make docs`` calls it."""

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
REPO = DOCS.parent
MATHJAX = "sphinx-mathjax-offline/static/mathjax/tex-svg.js"

project = "variogeo"
author = "The variogeo developers"
copyright = "the variogeo developers, BSD-3-Clause"  # noqa: A001
release = metadata.version("variogeo")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_nb",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "scripts", "gallery/*.ipynb", "**/.ipynb_checkpoints"]
templates_path = ["_templates"]
root_doc = "index"
default_role = "py:obj"
nitpicky = False
show_warning_types = True

# Signatures stay short: types and shapes stand in the docstrings.
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autosummary_generate = True
autosummary_imported_members = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
myst_links_external_new_tab = False
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, Any] = {}
nb_merge_streams = True

# One file, with its glyphs as outlines: no fonts to load, nothing asked of the network.
mathjax_path = "tex-svg.js"
mathjax3_config = {
    "svg": {"fontCache": "global"},
    "options": {"enableMenu": False, "processHtmlClass": "tex2jax_process|mathjax_process|math|output_area"},
}

sphinx_gallery_conf = {
    "examples_dirs": [str(REPO / "examples" / "gallery")],
    "gallery_dirs": ["gallery"],
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("variogeo",),
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("matplotlib",),
    "capture_repr": ("_repr_html_", "__str__"),
    "abort_on_example_error": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "download_all_examples": False,
    "remove_config_comments": True,
    "plot_gallery": "True",
    "thumbnail_size": (400, 280),
}

html_theme = "pydata_sphinx_theme"
html_title = "variogeo"
html_static_path = ["_static"]
html_css_files = ["variogeo.css"]
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "light"}
html_theme_options = {
    "navbar_start": ["navbar-logo"],
    "navbar_center": ["navbar-nav"],
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 7,
    "show_nav_level": 1,
    "navigation_depth": 3,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    # Pages of wide tables need the width.
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        **{page: [] for page in ("cheat_sheet", "errors", "schemes", "training", "benchmarks", "api/index")},
    },
}
html_sidebars = {"index": []}


def write_changed(target: Path, content: bytes) -> None:
    """Write a file beside the pages, and leave it alone when it is there already: a new date would build it again."""
    if not target.exists() or target.read_bytes() != content:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def notebook_for_pages(text: str) -> str:
    """Return a notebook with links that fit its place among the pages, and the metadata that its outputs must have."""
    notebook = json.loads(text.replace("../docs/", "../"))
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if output.get("metadata", {}) is None:
                del output["metadata"]
            if output["output_type"] in ("display_data", "execute_result"):
                output.setdefault("metadata", {})
    return json.dumps(notebook)


def left_over(docs: Path, scripts: set[str], notebooks: set[str]) -> list[Path]:
    """Return what an earlier build made of scripts, notebooks and names that are gone."""
    listed = set(re.findall(r"^   (\w+)$", "\n".join(page.read_text() for page in (docs / "api").glob("*.rst")), re.M))
    return [
        *(page for page in (docs / "gallery").glob("plot_*") if page.name.split(".")[0] not in scripts),
        *(page for page in (docs / "notebooks").glob("*.ipynb") if page.stem not in notebooks),
        *(page for page in (docs / "api" / "generated").glob("*.rst") if page.stem.split(".")[-1] not in listed),
    ]


def copy_from_outside(_app: Any = None, _config: Any = None) -> None:
    """Bring MathJax and the notebooks under the folder of the pages, and take away what is left over."""
    scripts, notebooks = (
        {path.stem for path in (REPO / folder).glob(pattern)}
        for folder, pattern in (("examples/gallery", "*.py"), ("notebooks", "*.ipynb"))
    )
    for page in left_over(DOCS, scripts, notebooks):
        page.unlink()
    carrier = metadata.distribution("sphinx-mathjax-offline")
    write_changed(DOCS / "_static" / "tex-svg.js", Path(str(carrier.locate_file(MATHJAX))).read_bytes())
    for notebook in sorted((REPO / "notebooks").glob("*.ipynb")):
        content = notebook_for_pages(notebook.read_text(encoding="utf-8"))
        write_changed(DOCS / "notebooks" / notebook.name, content.encode())


def import_trainers(_app: Any) -> None:
    """Import open_clip with the stand-ins that the tests have for torchvision, before its adapters are looked at."""
    sys.path.insert(0, str(REPO / "tests"))
    from torchvision_stub import import_open_clip

    import_open_clip()


def setup(app: Any) -> None:
    """Connect the steps before the pages are read."""
    app.connect("config-inited", copy_from_outside, priority=100)
    app.connect("builder-inited", import_trainers, priority=100)
