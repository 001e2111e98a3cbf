"""The pages of the service, rendered with Jinja2: words and structure alone, no scripts or styles inside."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from facts.assessment import Assessment
from knowledge_base.model import KnowledgeBase
from reports.arranged.movement import Stage, movement
from reports.arranged.view import view
from reports.knowledge.handbook import entry_of, find_entries, kept_handbook
from reports.rendering import environment


def render_page(name: str, **values: Any) -> str:
    """Render a page of the service; every value is escaped."""
    return environment("html").get_template(f"web/{name}").render(**values)


def report_page(assessment: Assessment, knowledge: KnowledgeBase, moved: Sequence[Stage] = (), **values: Any) -> str:
    """Render a report as a page of the service: the same template as the file, with the service's own head and links.

    `moved` are the stages of the consultation that led to it, where there was one.
    """
    report = view(assessment, knowledge)
    return render_page("report.html.j2", report=report, movement=movement(moved, knowledge), **values)


def handbook_page(knowledge: KnowledgeBase, **values: Any) -> str:
    """Render the whole handbook as a page of the service."""
    return render_page("handbook.html.j2", book=kept_handbook(knowledge), **values)


def handbook_index(knowledge: KnowledgeBase, words: str, **values: Any) -> str:
    """Render the chapters of the handbook with a search; `words` are what is looked for."""
    book = kept_handbook(knowledge)
    return render_page("handbook_index.html.j2", book=book, chapters=find_entries(book, words), words=words, **values)


def handbook_entry(knowledge: KnowledgeBase, name: str, **values: Any) -> str | None:
    """Render the page of a cause, a warning sign or a next step; None where there is no such one."""
    entry = entry_of(kept_handbook(knowledge), name)
    return None if entry is None else render_page("handbook_entry.html.j2", entry=entry, **values)


@cache
def stylesheet(name: str) -> str:
    """Return a stylesheet: pages.css is that of the reports with what the service adds, handbook.css what the handbook adds."""
    parts = {"pages.css": ("report.css", "leaflet.css", "web/pages.css"), "handbook.css": ("handbook.css",)}[name]
    return "\n".join(environment("html").get_template(part).render() for part in parts)
