"""How to cite variogeo: the facts of CITATION.cff as BibTeX."""

_AUTHORS = ("The variogeo developers",)
_TITLE = "variogeo: semivariograms of image embeddings on Earth"
_YEAR = "2026"
"""Of the copyright in LICENSE: no version has been released yet."""
_LICENSE = "BSD-3-Clause"


def citation() -> str:
    """Return how to cite this version of variogeo, as a BibTeX entry.

    Returns
    -------
    str
        One ``@software`` entry with the key ``variogeo``. Double braces keep names and capitals as they are.

    Notes
    -----
    The version is that of the package in use, the year that of its copyright. Please cite the methods that you used as
    well: the page on citing lists their sources.

    Examples
    --------
    >>> import variogeo
    >>> print(variogeo.citation())
    @software{variogeo,
      author  = {{The variogeo developers}},
      title   = {{variogeo: semivariograms of image embeddings on Earth}},
      year    = {2026},
      version = {...},
      license = {BSD-3-Clause},
    }
    """
    from importlib.metadata import version

    authors = " and ".join(f"{{{author}}}" for author in _AUTHORS)
    fields = {
        "author": authors,
        "title": f"{{{_TITLE}}}",
        "year": _YEAR,
        "version": version("variogeo"),
        "license": _LICENSE,
    }
    lines = [f"  {name:<7} = {{{value}}}," for name, value in fields.items()]
    return "\n".join(["@software{variogeo,", *lines, "}"])
