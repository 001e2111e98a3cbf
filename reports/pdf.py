"""Reports on paper, by WeasyPrint: tagged (PDF/UA-1), with text that is read in order, and the same bytes for the same case.

The one door of WeasyPrint, which is an extra and needs Pango of the system.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from facts.assessment import Assessment
from knowledge_base.model import KnowledgeBase
from reports.arranged.leaflet import leaflet
from reports.arranged.view import view
from reports.rendering import environment

Paper: TypeAlias = Literal["A4", "Letter"]


class NoPdf(Exception):
    """No PDF can be written here; the text says what to install."""


def report_pdf(assessed: Sequence[Assessment], knowledge: KnowledgeBase, paper: Paper, *, full: bool) -> bytes:
    """Write reports, each from a page of its own, as one PDF. Raises NoPdf."""
    return _write(paper, knowledge, full=full, reports=[view(one, knowledge) for one in assessed], leaflets=[])


def leaflet_pdf(assessed: Sequence[Assessment], knowledge: KnowledgeBase, paper: Paper) -> bytes:
    """Write leaflets, each on a page of its own, as one PDF. Raises NoPdf and NoLeaflet."""
    return _write(paper, knowledge, full=False, reports=[], leaflets=[leaflet(one, knowledge) for one in assessed])


def _write(paper: Paper, knowledge: KnowledgeBase, **shown: Any) -> bytes:
    printed = environment("html").get_template("printed.html.j2").render(title=knowledge.title, paper=paper, **shown)
    try:
        from weasyprint import HTML
    except ImportError:
        raise NoPdf("PDF needs WeasyPrint; install it: pip install 'charley[pdf]'") from None
    except OSError as error:
        libraries = "on Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
        raise NoPdf(f"WeasyPrint does not find a library of the system ({error}); install Pango, {libraries}") from None
    written: bytes = HTML(string=printed, url_fetcher=_fetch_nothing).write_pdf(pdf_variant="pdf/ua-1")
    return written


def _fetch_nothing(url: str, *_: Any, **__: Any) -> Any:
    """Refuse: everything that is printed stands in the page, and nothing that a case says is ever opened."""
    raise ValueError(f"{url}: nothing is fetched for a PDF")
