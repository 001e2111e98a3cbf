"""The formats of reports, one entry each: what offers a format, renders in it, names its files or serves it reads this table.

What a format needs for rendering is imported when it renders, so that the commands can offer all of them at no cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from facts.assessment import Assessment
    from facts.intake.case_files import Refusal
    from knowledge_base.model import KnowledgeBase
    from reports.pdf import Paper
    from reports.rendering import Markup
    from reports.view import ReportView


class Format(Protocol):
    """A way to write reports."""

    @property
    def ending(self) -> str:
        """How the names of its files end, with the dot."""

    @property
    def media_type(self) -> str:
        """What it is called where it is sent."""

    def render(self, assessment: "Assessment", knowledge: "KnowledgeBase", *, full: bool = False) -> str | bytes:
        """Render an assessment made with this knowledge base; the same assessment always gives the same text or bytes.

        On one page, or (`full`) with its whole argument, in a format that tells the two apart.
        """

    def render_all(
        self,
        assessed: Sequence["Assessment"],
        refusals: Sequence["Refusal"],
        knowledge: "KnowledgeBase",
        *,
        full: bool = False,
    ) -> str | bytes:
        """Render several reports as one text."""

    def render_refusals(self, refusals: Sequence["Refusal"]) -> str | None:
        """Render what was refused; None in a format for readers, who are told of it on their way."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template in `reports/templates`, and the markup in which text has to mean only itself."""

    name: str
    markup: "Markup"

    def render(self, **values: Any) -> str:
        """Fill in the template."""
        from reports.rendering import environment

        return environment(self.markup).get_template(self.name).render(**values)


@dataclass(frozen=True, slots=True)
class Templated:
    """A format for readers. One whose `page` is None holds the argument on its page, folded away."""

    ending: str
    media_type: str
    page: Template | None
    full: Template
    between: str
    """What stands between two reports in one text."""

    def render(self, assessment: "Assessment", knowledge: "KnowledgeBase", *, full: bool = False) -> str:
        """Render an assessment on one page, or with its whole argument."""
        from reports.page import page
        from reports.view import view

        if self.page is not None and not full:
            return self.page.render(page=page(assessment, knowledge))
        return self.render_view(view(assessment, knowledge))

    def render_view(self, report: "ReportView") -> str:
        """Render an assessment with its whole argument that was arranged for reading already."""
        return self.full.render(report=report, page=report.page)

    def render_all(
        self,
        assessed: Sequence["Assessment"],
        refusals: Sequence["Refusal"],
        knowledge: "KnowledgeBase",
        *,
        full: bool = False,
    ) -> str:
        """Render reports one after another."""
        return self.between.join(self.render(assessment, knowledge, full=full) for assessment in assessed)

    def render_refusals(self, refusals: Sequence["Refusal"]) -> None:
        """Return None: readers are told of refusals on their way."""
        return


@dataclass(frozen=True, slots=True)
class Json:
    """The format for programs: always the whole argument, and the refusals too."""

    ending: str = ".json"
    media_type: str = "application/json"

    def render(
        self,
        assessment: "Assessment",
        knowledge: "KnowledgeBase",
        *,
        full: bool = False,
    ) -> str:
        """Write an assessment as one object."""
        from reports.json_report import plain, to_json

        return to_json(plain(assessment))

    def render_all(
        self,
        assessed: Sequence["Assessment"],
        refusals: Sequence["Refusal"],
        knowledge: "KnowledgeBase",
        *,
        full: bool = False,
    ) -> str:
        """Write one object for a single case, else a list, with the refusals at its end."""
        from reports.json_report import plain, refused, to_json

        data = [*map(plain, assessed), *map(refused, refusals)]
        return to_json(data[0] if len(assessed) == 1 and not refusals else data)

    def render_refusals(self, refusals: Sequence["Refusal"]) -> str:
        """Write the refusals as a list."""
        from reports.json_report import refused, to_json

        return to_json([refused(refusal) for refusal in refusals])


@dataclass(frozen=True, slots=True)
class FhirDocument:
    """The format for systems that keep records: a FHIR R4 document for each case; `day` is that of cases that tell none."""

    day: str | None = None
    ending: str = ".fhir.json"
    media_type: str = "application/fhir+json"

    def render(self, assessment: "Assessment", knowledge: "KnowledgeBase", *, full: bool = False) -> str:
        """Write an assessment as a document Bundle."""
        from reports.fhir.document import document
        from reports.json_report import to_json

        return to_json(document(assessment, knowledge, self.day))

    def render_all(
        self,
        assessed: Sequence["Assessment"],
        refusals: Sequence["Refusal"],
        knowledge: "KnowledgeBase",
        *,
        full: bool = False,
    ) -> str:
        """Write one document for a single case, else a Bundle of documents, with the refusals at its end."""
        if len(assessed) == 1 and not refusals:
            return self.render(assessed[0], knowledge)
        from reports.fhir.collection import collection
        from reports.json_report import to_json

        return to_json(collection(assessed, refusals, knowledge, self.day))

    def render_refusals(self, refusals: Sequence["Refusal"]) -> str:
        """Write the refusals as an OperationOutcome."""
        from reports.fhir.collection import operation_outcome
        from reports.json_report import to_json

        return to_json(operation_outcome(refusals))


TEXT = Templated(".txt", "text/plain", Template("page.txt.j2", "text"), Template("report.txt.j2", "text"), "\n\n")
MARKDOWN = Templated(".md", "text/markdown", Template("page.md.j2", "markdown"), Template("report.md.j2", "markdown"), "\n\n")
HTML = Templated(".html", "text/html", None, Template("report.html.j2", "html"), "\n")


@dataclass(frozen=True, slots=True)
class ForPatients:
    """A format in which patients read what it is and what to do; it has no longer form."""

    ending: str
    media_type: str
    template: Template
    between: str

    def render(self, assessment: "Assessment", knowledge: "KnowledgeBase", *, full: bool = False) -> str:
        """Render the leaflet of an assessment. Raises NoLeaflet."""
        from reports.leaflet import leaflet

        return self.template.render(page=leaflet(assessment, knowledge))

    def render_all(
        self,
        assessed: Sequence["Assessment"],
        refusals: Sequence["Refusal"],
        knowledge: "KnowledgeBase",
        *,
        full: bool = False,
    ) -> str:
        """Render leaflets one after another."""
        return self.between.join(self.render(assessment, knowledge) for assessment in assessed)

    def render_refusals(self, refusals: Sequence["Refusal"]) -> None:
        """Return None: patients are told nothing of refusals."""
        return


@dataclass(frozen=True, slots=True)
class Pdf:
    """The format for paper: reports, or leaflets `for_patients`."""

    for_patients: bool = False
    paper: "Paper" = "A4"
    ending: str = ".pdf"
    media_type: str = "application/pdf"

    def render(self, assessment: "Assessment", knowledge: "KnowledgeBase", *, full: bool = False) -> bytes:
        """Write one report. Raises NoPdf."""
        return self.render_all([assessment], (), knowledge, full=full)

    def render_all(
        self,
        assessed: Sequence["Assessment"],
        refusals: Sequence["Refusal"],
        knowledge: "KnowledgeBase",
        *,
        full: bool = False,
    ) -> bytes:
        """Write reports as one file, each from a page of its own. Raises NoPdf."""
        from reports.pdf import leaflet_pdf, report_pdf

        if self.for_patients:
            return leaflet_pdf(assessed, knowledge, self.paper)
        return report_pdf(assessed, knowledge, self.paper, full=full)

    def render_refusals(self, refusals: Sequence["Refusal"]) -> None:
        """Return None: readers are told of refusals on their way."""
        return


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
