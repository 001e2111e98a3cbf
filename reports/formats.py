"""The formats of reports, one entry each: what offers a format, renders in it, names its files or serves it reads this table.

What a format needs for rendering is imported when it renders, so that the commands can offer all of them at no cost.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from facts.assessment import Assessment
    from facts.intake.case_files import Refusal
    from knowledge_base.model import KnowledgeBase
    from reports.arranged.view import ReportView
    from reports.pdf import Paper
    from reports.rendering import Markup

_Assessed: TypeAlias = "Sequence[Assessment]"
_Refused: TypeAlias = "Sequence[Refusal]"


class Format(ABC):
    """A way to write reports, as text or as bytes."""

    ending: str
    """How the names of its files end, with the dot."""
    media_type: str
    """What it is called where it is sent."""

    @abstractmethod
    def render(self, assessment: "Assessment", knowledge: "KnowledgeBase", *, full: bool = False) -> str | bytes:
        """Render an assessment made with this knowledge base; the same assessment always gives the same text or bytes.

        On one page, or (`full`) with its whole argument, in a format that tells the two apart.
        """

    @abstractmethod
    def render_all(
        self, assessed: _Assessed, refusals: _Refused, knowledge: "KnowledgeBase", *, full: bool = False
    ) -> str | bytes:
        """Render several reports as one text."""

    def render_refusals(self, refusals: _Refused) -> str | None:
        """Render what was refused; None in a format for readers, who are told of it on their way."""
        return None


@dataclass(frozen=True, slots=True)
class Template:
    """A template in `reports/templates`, and the markup in which text has to mean only itself."""

    name: str
    markup: "Markup"

    def render(self, **values: Any) -> str:
        """Fill in the template."""
        from reports.rendering import environment

        return environment(self.markup).get_template(self.name).render(**values)


class _ForReaders(Format):
    """A format in which reports stand one after another."""

    between: str
    """What stands between two reports in one text."""

    @abstractmethod
    def render(self, assessment: "Assessment", knowledge: "KnowledgeBase", *, full: bool = False) -> str:
        """Render an assessment made with this knowledge base."""

    def render_all(self, assessed: _Assessed, refusals: _Refused, knowledge: "KnowledgeBase", *, full: bool = False) -> str:
        """Render reports one after another."""
        return self.between.join(self.render(assessment, knowledge, full=full) for assessment in assessed)


@dataclass(frozen=True, slots=True)
class Templated(_ForReaders):
    """A format for clinicians. One whose `page` is None holds the argument on its page, folded away."""

    ending: str
    media_type: str
    page: Template | None
    full: Template
    between: str

    def render(self, assessment: "Assessment", knowledge: "KnowledgeBase", *, full: bool = False) -> str:
        """Render an assessment on one page, or with its whole argument."""
        from reports.arranged.page import page
        from reports.arranged.view import view

        if self.page is not None and not full:
            return self.page.render(page=page(assessment, knowledge))
        return self.render_view(view(assessment, knowledge))

    def render_view(self, report: "ReportView") -> str:
        """Render an assessment with its whole argument that was arranged for reading already."""
        return self.full.render(report=report, page=report.page)


@dataclass(frozen=True, slots=True)
class ForPatients(_ForReaders):
    """A format in which patients read what it is and what to do; it has no longer form."""

    ending: str
    media_type: str
    template: Template
    between: str

    def render(self, assessment: "Assessment", knowledge: "KnowledgeBase", *, full: bool = False) -> str:
        """Render the leaflet of an assessment. Raises NoLeaflet."""
        from reports.arranged.leaflet import leaflet

        return self.template.render(page=leaflet(assessment, knowledge))


class _ForPrograms(Format):
    """A format that programs read: always the whole argument, and the refusals too."""

    def render(self, assessment: "Assessment", knowledge: "KnowledgeBase", *, full: bool = False) -> str:
        """Write an assessment as one object."""
        return _to_json(self.one(assessment, knowledge))

    def render_all(self, assessed: _Assessed, refusals: _Refused, knowledge: "KnowledgeBase", *, full: bool = False) -> str:
        """Write one object for a single case, else all of them, with the refusals at their end."""
        if len(assessed) == 1 and not refusals:
            return self.render(assessed[0], knowledge)
        return _to_json(self.several(assessed, refusals, knowledge))

    def render_refusals(self, refusals: _Refused) -> str:
        """Write the refusals alone."""
        return _to_json(self.refused(refusals))

    @abstractmethod
    def one(self, assessment: "Assessment", knowledge: "KnowledgeBase") -> object:
        """Return an assessment as plain data."""

    @abstractmethod
    def several(self, assessed: _Assessed, refusals: _Refused, knowledge: "KnowledgeBase") -> object:
        """Return assessments and refusals as plain data."""

    @abstractmethod
    def refused(self, refusals: _Refused) -> object:
        """Return refusals as plain data."""


@dataclass(frozen=True, slots=True)
class Json(_ForPrograms):
    """An object for each assessment, whose schema `charley schema assessment` prints; several are a list."""

    ending: str = ".json"
    media_type: str = "application/json"

    def one(self, assessment: "Assessment", knowledge: "KnowledgeBase") -> object:
        """Return an assessment as one object."""
        from reports.json_report import plain

        return plain(assessment)

    def several(self, assessed: _Assessed, refusals: _Refused, knowledge: "KnowledgeBase") -> object:
        """Return a list, with the refusals at its end."""
        from reports.json_report import plain, refused

        return [*map(plain, assessed), *map(refused, refusals)]

    def refused(self, refusals: _Refused) -> object:
        """Return the refusals as a list."""
        from reports.json_report import refused

        return [refused(refusal) for refusal in refusals]


@dataclass(frozen=True, slots=True)
class FhirDocument(_ForPrograms):
    """The format for systems that keep records: a FHIR R4 document for each case; `day` is that of cases that tell none."""

    day: str | None = None
    ending: str = ".fhir.json"
    media_type: str = "application/fhir+json"

    def one(self, assessment: "Assessment", knowledge: "KnowledgeBase") -> object:
        """Return an assessment as a document Bundle."""
        from reports.fhir.document import document

        return document(assessment, knowledge, self.day)

    def several(self, assessed: _Assessed, refusals: _Refused, knowledge: "KnowledgeBase") -> object:
        """Return a Bundle of documents, with the refusals at its end."""
        from reports.fhir.collection import collection

        return collection(assessed, refusals, knowledge, self.day)

    def refused(self, refusals: _Refused) -> object:
        """Return the refusals as an OperationOutcome."""
        from reports.fhir.collection import operation_outcome

        return operation_outcome(refusals)


@dataclass(frozen=True, slots=True)
class Pdf(Format):
    """The format for paper: reports, or leaflets `for_patients`."""

    for_patients: bool = False
    paper: "Paper" = "A4"
    ending: str = ".pdf"
    media_type: str = "application/pdf"

    def render(self, assessment: "Assessment", knowledge: "KnowledgeBase", *, full: bool = False) -> bytes:
        """Write one report. Raises NoPdf."""
        return self.render_all([assessment], (), knowledge, full=full)

    def render_all(self, assessed: _Assessed, refusals: _Refused, knowledge: "KnowledgeBase", *, full: bool = False) -> bytes:
        """Write reports as one file, each from a page of its own. Raises NoPdf."""
        from reports.pdf import leaflet_pdf, report_pdf

        if self.for_patients:
            return leaflet_pdf(assessed, knowledge, self.paper)
        return report_pdf(assessed, knowledge, self.paper, full=full)


def _to_json(data: object) -> str:
    from reports.json_report import to_json

    return to_json(data)


TEXT = Templated(".txt", "text/plain", Template("page.txt.j2", "text"), Template("report.txt.j2", "text"), "\n\n")
MARKDOWN = Templated(".md", "text/markdown", Template("page.md.j2", "markdown"), Template("report.md.j2", "markdown"), "\n\n")
HTML = Templated(".html", "text/html", None, Template("report.html.j2", "html"), "\n")

FORMATS: Mapping[str, Format] = {
    "text": TEXT,
    "markdown": MARKDOWN,
    "html": HTML,
    "json": Json(),
    "fhir": FhirDocument(),
    "pdf": Pdf(),
}
"""The formats of reports, by the name that is typed; the first is the default."""

LEAFLETS: Mapping[str, Format] = {
    "text": ForPatients(".txt", "text/plain", Template("leaflet.txt.j2", "text"), "\n\n"),
    "markdown": ForPatients(".md", "text/markdown", Template("leaflet.md.j2", "markdown"), "\n\n"),
    "html": ForPatients(".html", "text/html", Template("leaflet.html.j2", "html"), "\n"),
    "pdf": Pdf(for_patients=True),
}
"""The formats of the leaflet, by the name that is typed."""

AUDIENCES: Mapping[str, Mapping[str, Format]] = {"clinician": FORMATS, "patient": LEAFLETS}
"""The formats for each reader, by the name that is typed; the first is the default."""

COMPARISONS: Mapping[str, Template | None] = {
    "text": Template("comparison.txt.j2", "text"),
    "markdown": Template("comparison.md.j2", "markdown"),
    "html": Template("comparison.html.j2", "html"),
    "json": None,
}
"""The formats of comparisons, by the name that is typed; the first is the default, and JSON needs no template."""

HANDBOOKS: Mapping[str, Template] = {
    "html": Template("handbook.html.j2", "html"),
    "markdown": Template("handbook.md.j2", "markdown"),
}
"""The formats of the handbook, by the name that is typed; the first is the default."""
