"""Charley for notebooks and programs: load the knowledge, read a case, assess it, show the report.

This is the public interface (`from expert import Expert`); the modules behind it may change with every release.
"""

import html
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from expert.inference.assessing import Assessor, ContradictoryCase
from expert.proofs.what_would_change import explaining_changes
from facts.assessment import Assessment
from facts.case import Case
from facts.intake.case_files import Intake, read_cases
from facts.intake.entries import Entry, read_mapping, read_text
from facts.intake.files import read_files
from facts.intake.judging import Judging
from facts.problems import CharleyError, Place, Problem, quoted
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase
from reports.formats import FORMATS

if TYPE_CHECKING:
    import polars as pl

    from expert.cohorts.frames import ArrowTable
    from expert.cohorts.planes.cohort_judge import CohortJudge
    from facts.measuring.unit_systems import UnitSystem

Source: TypeAlias = Mapping[str, object] | str | Path
"""A case as a mapping, as YAML or JSON text, or as the path of a file."""

_MAPPING, _TEXT = "(mapping)", "(text)"
"""What messages call a case that has no file name."""


@dataclass(frozen=True)
class Assessed:
    """A case with everything concluded about it; a notebook shows it as its report."""

    case: Case
    assessment: Assessment
    knowledge: KnowledgeBase = field(repr=False, compare=False)

    def report(self, form: str = "text", *, full: bool = False) -> str | bytes:
        """Return the report that `charley report --format` writes, on one page or in `full`; bytes for a PDF.

        Raises ValueError for a format that is not in `reports.formats.FORMATS`.
        """
        if form not in FORMATS:
            raise ValueError(f"found the report format {quoted(form)}, expected one of {', '.join(FORMATS)}")
        return FORMATS[form].render(self.assessment, self.knowledge, full=full)

    def __str__(self) -> str:
        return str(self.report())

    def __repr__(self) -> str:
        urgency, leading = self.assessment.urgency, self.assessment.causes[0]
        return (
            f"<Assessed {self.case.name!r}: urgency {urgency.level}, could still be {urgency.ceiling}; "
            f"first cause {leading.id} ({leading.standing})>"
        )

    def _repr_html_(self) -> str:
        # A frame of its own keeps the report's style out of the notebook, and the sandbox keeps scripts out of the report.
        page = html.escape(str(self.report("html")), quote=True)
        title = html.escape(self.case.name, quote=True)
        return f'<iframe title="{title}" srcdoc="{page}" sandbox="" style="width:100%;height:48em;border:0"></iframe>'


class Expert:
    """Knowledge ready to assess cases. Made once (about a second), usable for any number of cases and from any thread."""

    def __init__(self, knowledge: str | Path | None = None) -> None:
        """Load the knowledge base of a folder, or the shipped one. Raises CharleyError when it cannot be used."""
        self.knowledge = load_knowledge_base(None if knowledge is None else Path(knowledge), to_assess=True)
        self._assessor = Assessor(self.knowledge)

    def read(self, source: Source) -> Case:
        """Read one case: a mapping, a path, or a text of several lines. Raises CharleyError with everything that is wrong."""
        intake = self._read(source)
        problems = [problem for refusal in intake.refusals for problem in refusal.problems]
        if problems:
            raise CharleyError(problems)
        if len(intake.cases) != 1:
            place = intake.cases[1][1] if intake.cases else Place(_TEXT if isinstance(source, Mapping) else str(source))
            message = f"found {intake.read} cases, expected one"
            raise CharleyError([Problem(place, message, "read several with read_files")])
        return intake.cases[0][0]

    def read_files(self, paths: Iterable[str | Path], *, as_of: date | None = None, within_days: int | None = None) -> Intake:
        """Read case files, FHIR records and folders of them; what cannot be read is among `refusals`, never an exception.

        `as_of` is the day on which records are judged, `within_days` leaves out older readings, as in `charley report`.
        """
        knowledge = self.knowledge
        judging = Judging(as_of, within_days)
        return read_files([Path(path) for path in paths], knowledge.vocabulary, knowledge.dictionary, judging)

    def assess(self, case: Case | Source, *, what_would_change: bool = False) -> Assessed:
        """Assess a case, or what `read` reads. Raises CharleyError for a case whose answers exclude each other."""
        if not isinstance(case, Case):
            case = self.read(case)
        try:
            assessment = self._explain(case) if what_would_change else self._assessor.assess(case)
        except ContradictoryCase as error:
            message = f"the answers contradict each other: {error}"
            raise CharleyError([Problem(Place(f"case {quoted(case.name)}"), message, "correct one of them")]) from None
        return Assessed(case, assessment, self.knowledge)

    def evaluate_frame(
        self,
        table: "ArrowTable",
        *,
        rules: bool = False,
        units: "UnitSystem | None" = None,
        yes: Iterable[str] = (),
        no: Iterable[str] = (),
    ) -> "pl.DataFrame":
        """Conclude every row of a table in memory: of Polars, or of any library that speaks Arrow.

        Its columns are those of a file for `charley evaluate`; without a column `case` the rows are numbered. The frame that
        comes back has the same rows in the same order: `refused` says why a row was not concluded, `unrecognized` lists what
        in it was not understood, and the others are those of conclusions.parquet, with `rules` also those of rules.arrow.
        `units`, `yes` and `no` are the command's options. Raises CharleyError for columns that nobody knows.
        """
        from expert.cohorts.frames import evaluate_table
        from facts.intake.tables.mapping import AS_WRITTEN, declare_values

        mapping = replace(AS_WRITTEN, values=declare_values(tuple(yes), tuple(no)), system=units)
        return evaluate_table(table, self._cohorts, mapping, rules=rules)

    @cached_property
    def _cohorts(self) -> "CohortJudge":
        from expert.cohorts.planes.cohort_judge import CohortJudge

        return CohortJudge(self.knowledge)

    @cached_property
    def _explain(self) -> Callable[[Case], Assessment]:
        return explaining_changes(self._assessor)

    def _read(self, source: Source) -> Intake:
        if isinstance(source, Mapping):
            entries: Iterable[Entry | Problem] = [read_mapping(source, _MAPPING)]
        elif isinstance(source, str) and ("\n" in source or source.lstrip()[:1] in ("{", "[")):
            entries = read_text(source, _TEXT)
        else:
            return self.read_files([source])
        return read_cases(entries, self.knowledge.vocabulary, self.knowledge.dictionary)


def evaluate_frame(table: "ArrowTable", **options: Any) -> "pl.DataFrame":
    """Conclude every row of a table with the shipped knowledge, which is loaded once; see `Expert.evaluate_frame`."""
    return _shipped().evaluate_frame(table, **options)


@lru_cache(maxsize=1)
def _shipped() -> Expert:
    return Expert()
