"""Settings of Sphinx; `make docs` (docs/site/build.py) calls it on pages that it has laid out."""

from seqgan_kit import __version__

project = "seqgan_kit"
copyright = "The seqgan_kit authors"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath"]
# As GitHub makes the names of headings, by which the pages link to each other.
myst_heading_anchors = 4
html_theme = "furo"
html_title = f"seqgan_kit {release}"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# Attributes are described once, where a class lists them.
napoleon_use_ivar = True
# Shape letters are annotations of jaxtyping, which look better as they are written.
autodoc_preserve_defaults = True
suppress_warnings = ["myst.header"]
