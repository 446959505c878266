"""Sphinx configuration: ``sphinx-build -W -b html docs docs/_build/html``."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

from xgraph import __version__

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE)]  # the extensions below, and results_pages

project = "xgraph"
author = "The xgraph developers"
copyright = f"2026, {author}"
version = release = __version__

extensions = [
    "myst_nb",  # pages in Markdown, and notebooks in text form, executed by the build
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "mathml",  # docs/_ext
    "commands",  # docs/_ext
    "sphinx.ext.viewcode",
    "sphinx_design",
    "sphinx_copybutton",
]
exclude_patterns = [
    "_build",
    "**/jupyter_execute",
    "**/runs/**",
    "_templates",
    "results/generated/**",
    "reference/generated/**",
]
templates_path = ["_templates"]
needs_sphinx = "8.0"

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True

default_role = "py:obj"  # in docstrings, a name in single backticks links to its page, or is shown as code
autodoc_member_order = "bysource"
autodoc_default_options = {"exclude-members": "model_config"}  # of pydantic
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
autosummary_generate = True
autosummary_imported_members = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Shapes", "params_style")]
toc_object_entries_show_parents = "hide"
modindex_common_prefix = ["xgraph."]

html_theme = "furo"
html_title = "xgraph"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1a6b58", "color-brand-content": "#1a6b58"},
    "dark_css_variables": {"color-brand-primary": "#5fc9ad", "color-brand-content": "#5fc9ad"},
}
copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = "$ "


def draw_results(app: Sphinx) -> None:
    """The pictures of the results pages, from ``benchmarks/results/*.json``."""
    from results_pages.plots import pictures

    pictures.draw(HERE / "results" / "plots")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", draw_results)
