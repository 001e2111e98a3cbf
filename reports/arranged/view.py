"""An assessment arranged for reading: what every report format shows, in the order in which a clinician reads it.

All text that came with the case passes `clean` here, so that no name or medicine can forge a line or drive a terminal;
each format then escapes for its own syntax.

Longer than other modules: one walk over an assessment, in which all parts number the same sources.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from facts.assessment import (
    Argument,
    Assessment,
    CauseAssessed,
    FindingUsed,
    MissingFinding,
    OpenWarning,
    StepAdvised,
    WayToChange,
)
from facts.case import DENIED_TOGETHER, NOT_LISTED
from facts.language.speaking import say
from facts.vocabulary import Codes, Value
from knowledge_base.model import KnowledgeBase
from reports.arranged.figures import Figures, figures
from reports.arranged.leaflet import LeafletShown, leaflet
from reports.arranged.page import Page, knowledge_line, page, proved, statement
from reports.words.cleaning import clean
from reports.words.remaining import remainders
from reports.words.wording import lower_first, lower_label, sentence, value_text

_CONDITIONS_NAMED = 12
_CAUSES_NAMED = 4
_DECISIVE = {"confirms": "decisive", "excludes": "decisive"}
_CUT = {
    "lower_urgency": "Of the ways to a lower urgency, only some are shown.",
    "other_leading_cause": "Of the ways to another leading cause, only some are shown.",
    "raise_urgency": "Of the ways to a higher urgency, only some are shown.",
}


@dataclass(frozen=True, slots=True)
class ArgumentShown:
    """An argument as it is read: the sentence, what it rests on, and the numbers of its sources."""

    rule: str
    because: str
    weight: str
    findings: tuple[str, ...]
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SignShown:
    """A warning sign with its arguments."""

    label: str
    level: str
    arguments: tuple[ArgumentShown, ...]


@dataclass(frozen=True, slots=True)
class CauseShown:
    """A cause with its arguments and what would tell more about it."""

    id: str
    label: str
    standing: str
    standing_label: str
    category: str
    codes: str
    about: str
    arguments_for: tuple[ArgumentShown, ...]
    arguments_against: tuple[ArgumentShown, ...]
    could_be: str
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepShown:
    """A next step and why."""

    do: str
    because: str
    when: str
    codes: str
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rise:
    """A level that the urgency could still rise to, and each condition under which it would."""

    level: str
    label: str
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangesShown:
    """What would change the verdict: ways that lower the urgency, that move the leading cause, and by level that raise it.

    A way is its result and what it takes; `notes` say what was not looked for, or not to the end.
    """

    lower: tuple[tuple[str, str], ...]
    moved: tuple[tuple[str, str], ...]
    raised: tuple[tuple[str, tuple[str, ...]], ...]
    leading: str
    notes: tuple[str, ...]


class QuestionsShown(Sequence[tuple[str, str]]):
    """Every question that can still change something, with what it can change, the best standing causes first.

    Each is put into words when it is read: a report on paper shows twelve of three hundred.
    """

    def __init__(self, assessment: Assessment, knowledge: KnowledgeBase) -> None:
        self._missing, self._knowledge = assessment.missing, knowledge
        self._place = {cause.id: place for place, cause in enumerate(assessment.causes)}

    def __len__(self) -> int:
        return len(self._missing)

    @overload
    def __getitem__(self, index: int) -> tuple[str, str]: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[tuple[str, str], ...]: ...

    def __getitem__(self, index: int | slice) -> tuple[str, str] | tuple[tuple[str, str], ...]:
        if isinstance(index, slice):
            return tuple(self._show(entry) for entry in self._missing[index])
        return self._show(self._missing[index])

    def _show(self, entry: MissingFinding) -> tuple[str, str]:
        level = self._knowledge.levels[entry.urgency].label if entry.urgency else ""
        parts = [say("urgency, up to {level}").format(level=lower_label(level))] if level else []
        # A question of history bears on twenty causes; the JSON report has every pair.
        best = sorted(entry.causes, key=self._place.__getitem__)
        parts += [self._knowledge.causes[cause].label for cause in best[:_CAUSES_NAMED]]
        if (rest := len(best) - _CAUSES_NAMED) > 0:
            parts.append((say("{count} further causes") if rest > 1 else say("{count} further cause")).format(count=rest))
        return entry.question, "; ".join(parts)


@dataclass(frozen=True, slots=True)
class ReportView:
    """Everything that a report shows; `page` is what stands on its first page."""

    page: Page
    figures: Figures
    leaflet: LeafletShown | None
    """What the patient is told, where the knowledge base has words for it."""
    case: str
    title: str
    level: str
    level_label: str
    level_says: str
    because: tuple[str, ...]
    rises: tuple[Rise, ...]
    complaint: str
    resembles: tuple[str, ...]
    signs: tuple[SignShown, ...]
    causes: tuple[CauseShown, ...]
    lesser: tuple[CauseShown, ...]
    unargued: int
    steps: tuple[tuple[str, tuple[StepShown, ...]], ...]
    steps_done: tuple[str, ...]
    changes: ChangesShown | None
    questions: Sequence[tuple[str, str]]
    record: str
    unverified: tuple[tuple[str, str, str, str], ...]
    """What a record says and nobody vouches for: label, value, where it stands, and why."""
    findings: tuple[tuple[str, str, str], ...]
    denied: tuple[str, ...]
    """Signs that are absent because a page listed them and nobody named them."""
    not_known: tuple[str, ...]
    """What was asked, and nobody knew."""
    not_told: int
    """How many findings nobody was asked for or told of."""
    not_listed: tuple[str, ...]
    unrecognized: tuple[tuple[str, str], ...]
    sources: tuple[tuple[int, str, bool], ...]
    knowledge: str
    version: str
    """The version of the knowledge and the beginning of its hash."""
    statement: str

    @property
    def lesser_by_category(self) -> tuple[tuple[str, tuple[CauseShown, ...]], ...]:
        """The causes that are argued against, by category."""
        groups: dict[str, list[CauseShown]] = {}
        for cause in self.lesser:
            groups.setdefault(cause.category, []).append(cause)
        return tuple((category, tuple(causes)) for category, causes in groups.items())


_STEP_HEADINGS = {
    "avoid": "Do not",
    "examination": "Examine and ask",
    "test": "Test",
    "referral": "Refer",
    "advice": "Advise and treat",
}


def view(assessment: Assessment, knowledge: KnowledgeBase) -> ReportView:
    """Arrange an assessment made with this knowledge base for reading."""
    return _Arranging(assessment, knowledge).view()


def rises(could_rise: Iterable[OpenWarning], values: Mapping[str, Value], knowledge: KnowledgeBase) -> tuple[Rise, ...]:
    """Say, for each level above the present one, what would raise the urgency to it; what is known is taken out."""
    remaining = remainders(knowledge)
    truths = remaining.judge(values)
    by_level: dict[str, dict[str, int]] = {}
    for entry in could_rise:
        rest = remaining.tell(entry.rule, truths)
        if rest is not None:
            text, answers = rest
            by_level.setdefault(entry.level, {})[text] = answers
    # What takes one answer to find out is read before what takes three.
    return tuple(
        Rise(level, knowledge.levels[level].label, tuple(sorted(conditions, key=conditions.__getitem__)))
        for level, conditions in by_level.items()
    )


class _Arranging:
    def __init__(self, assessment: Assessment, knowledge: KnowledgeBase) -> None:
        self.assessment, self.knowledge = assessment, knowledge
        self.numbers = {source.id: number for number, source in enumerate(assessment.evidence, start=1)}

    def view(self) -> ReportView:
        assessment, knowledge = self.assessment, self.knowledge
        level = knowledge.levels[assessment.urgency.level]
        grading = knowledge.grading
        shown = [(cause, self.cause(cause)) for cause in assessment.causes if cause.standing != grading.otherwise]
        main = [view for cause, view in shown if self.is_main(cause)]
        lesser = [view for cause, view in shown if not self.is_main(cause)]
        return ReportView(
            page=page(assessment, knowledge),
            figures=figures(assessment, knowledge),
            leaflet=leaflet(assessment, knowledge) if knowledge.leaflet else None,
            case=clean(assessment.case),
            title=knowledge.title,
            level=assessment.urgency.level,
            level_label=level.label,
            level_says=level.says,
            because=tuple(clean(reason) for reason in assessment.urgency.because),
            rises=rises(assessment.urgency.could_rise, {used.id: used.value for used in assessment.findings}, knowledge),
            complaint=self.complaint(),
            resembles=tuple(knowledge.causes[name].label for name in self.resembling()),
            signs=tuple(
                SignShown(sign.label, knowledge.levels[sign.level].label, self.arguments(sign.arguments))
                for sign in assessment.warning_signs
            ),
            causes=tuple(main),
            lesser=tuple(lesser),
            unargued=len(assessment.causes) - len(shown),
            steps=self.steps(),
            steps_done=tuple(step.do for step in assessment.next_steps if step.done),
            changes=self.changes(),
            questions=QuestionsShown(assessment, knowledge),
            record=self.record(),
            unverified=tuple((*self.finding(one.finding), clean(one.reason)) for one in assessment.unverified),
            findings=tuple(
                self.finding(used) for used in assessment.findings if used.origin not in (NOT_LISTED, DENIED_TOGETHER)
            ),
            denied=tuple(self.finding(used)[0] for used in assessment.findings if used.origin == DENIED_TOGETHER),
            not_known=tuple(self.label(name) for name in assessment.urgency.not_known),
            not_told=len(knowledge.vocabulary.findings) - len(assessment.findings) - len(assessment.urgency.not_known),
            not_listed=tuple(self.finding(used)[0] for used in assessment.findings if used.origin == NOT_LISTED),
            unrecognized=tuple((clean(item.text), clean(item.reason)) for item in assessment.unrecognized),
            sources=tuple((self.numbers[source.id], source.citation, source.checked) for source in assessment.evidence),
            knowledge=f"{knowledge_line(knowledge)} {proved(knowledge)}",
            version=knowledge_line(knowledge),
            statement=statement(),
        )

    def is_main(self, cause: CauseAssessed) -> bool:
        grading = self.knowledge.grading
        if grading.at_least(cause.standing, grading.considered):
            return True
        # A cause that is argued about, or both proved and disproved, is news for the reader; one that is ruled out is not.
        proved = any(argument.kind == "confirms" for argument in cause.arguments_for)
        ruled_out = any(argument.kind == "excludes" for argument in cause.arguments_against) and not proved
        return bool(cause.arguments_for and cause.arguments_against) and not ruled_out

    def arguments(self, arguments: Iterable[Argument]) -> tuple[ArgumentShown, ...]:
        return tuple(
            ArgumentShown(
                rule=argument.rule,
                because=clean(argument.because),
                weight=say(argument.strength or _DECISIVE.get(argument.kind, "")),
                findings=tuple(self.used(used) for used in argument.findings),
                sources=self.cited(argument.source),
            )
            for argument in arguments
        )

    def used(self, used: FindingUsed) -> str:
        said = used.says if used.origin in (None, "", DENIED_TOGETHER) else f"{used.says} ({used.origin})"
        return clean(said)

    def cited(self, source: str) -> tuple[int, ...]:
        return tuple(sorted(self.numbers[key] for key in source.split("; ") if key in self.numbers))

    def cause(self, cause: CauseAssessed) -> CauseShown:
        declared, grading = self.knowledge.causes[cause.id], self.knowledge.grading
        others = [lower_label(grading.standings[standing]) for standing in cause.could_be if standing != cause.standing]
        return CauseShown(
            id=cause.id,
            label=cause.label,
            standing=cause.standing,
            standing_label=grading.standings[cause.standing],
            category=self.knowledge.categories[cause.category],
            codes=codes_text(declared.codes),
            about=declared.about,
            arguments_for=self.arguments(cause.arguments_for),
            arguments_against=self.arguments(cause.arguments_against),
            could_be=", ".join(others),
            questions=tuple(self.knowledge.vocabulary.findings[name].question for name in cause.missing),
        )

    def complaint(self) -> str:
        complaint = self.assessment.complaint
        if complaint is None:
            return ""
        if complaint.fits == "unknown":
            return say("Whether this is {complaint} is not settled by what is known.").format(complaint=complaint.label)
        because = "; ".join(self.used(used) for used in complaint.findings)
        told = say("What is told fits {complaint}" if complaint.fits == "yes" else "What is told does not fit {complaint}")
        return f"{told.format(complaint=complaint.label)}: {because}."

    def resembling(self) -> tuple[str, ...]:
        return self.assessment.complaint.resembles if self.assessment.complaint else ()

    def steps(self) -> tuple[tuple[str, tuple[StepShown, ...]], ...]:
        by_kind: dict[str, list[StepShown]] = {kind: [] for kind in _STEP_HEADINGS}
        for step in self.assessment.next_steps:
            if not step.done:
                by_kind[step.kind].append(self.step(step))
        return tuple((say(_STEP_HEADINGS[kind]), tuple(steps)) for kind, steps in by_kind.items() if steps)

    def step(self, step: StepAdvised) -> StepShown:
        when = lower_label(self.knowledge.levels[step.level].label) if step.level else ""
        codes = codes_text(self.knowledge.next_steps[step.id].codes)
        return StepShown(step.do, clean(step.because), when, codes, self.cited(step.source))

    def changes(self) -> ChangesShown | None:
        found = self.assessment.what_would_change
        if found is None:
            return None
        level_of, causes = self.knowledge.levels, self.knowledge.causes
        raised: dict[str, list[str]] = {}
        for way in found.raise_urgency:
            raised.setdefault(level_of[str(way.result)].label, []).append(self.way(way))
        notes = [found.missing_because] if found.missing_because else []
        notes += [say(_CUT[name]) for name in found.cut]
        if found.lower_urgency == () and not found.missing_because and self.knowledge.level_rank[self.assessment.urgency.level]:
            notes.append(say("No other answers to what was asked would lower the urgency."))
        return ChangesShown(
            lower=tuple((level_of[str(way.result)].label, self.way(way)) for way in found.lower_urgency),
            moved=tuple(
                (causes[way.result].label if way.result else say("none that is likely"), self.way(way))
                for way in found.other_leading_cause
            ),
            raised=tuple((label, tuple(ways)) for label, ways in raised.items()),
            leading=lower_first(causes[found.leading_cause].label) if found.leading_cause else "",
            notes=tuple(notes),
        )

    def way(self, way: WayToChange) -> str:
        parts = [
            change.says + (f" ({say('recorded')}: {change.recorded})" if change.recorded else "") for change in way.changes
        ]
        return clean(f"; {say('and')} ".join(parts))

    def record(self) -> str:
        """Say that a case was read from a record, as of when, and that what the record does not hold stays unknown."""
        record = self.assessment.record
        if record is None:
            return ""
        if record.as_of is None:
            when = say("It tells no date, so nothing that depends on one was read.")
        elif record.chosen:
            when = say("It was judged as of {day}, the day that was given.").format(day=clean(record.as_of))
        else:
            when = say("It was judged as of {day}, the newest date in it.").format(day=clean(record.as_of))
        count = say("{used} of the {all} resources in it that are read say something that is used here")
        told = say("Read from a FHIR record: {count}. {when} What the record does not hold is unknown.").format(
            count=count.format(used=f"{record.used:,}", all=f"{record.resources:,}"), when=when
        )
        names = [clean(name) for name in record.conditions_not_known]
        if names:
            more = len(names) - _CONDITIONS_NAMED
            listed = "; ".join(names[:_CONDITIONS_NAMED])
            listed += say("; and {count} more").format(count=more) if more > 0 else ""
            told += " " + say("Present in it, with codes that are not known here, and so not used: {names}.").format(
                names=listed
            )
        return told

    def label(self, name: str) -> str:
        return sentence(self.knowledge.vocabulary.findings[name].label).removesuffix(".")

    def finding(self, used: FindingUsed) -> tuple[str, str, str]:
        finding = self.knowledge.vocabulary.findings[used.id]
        value = value_text(finding, used.value, used.given or "")
        label = self.label(used.id)
        return label, clean(value), clean(used.origin or "")


def codes_text(codes: Codes) -> str:
    """Write the codes of something on one line: "ICD-10-CM E87.6"; an unchecked one says so."""
    unchecked = f" ({say('code unchecked')})"
    return ", ".join(
        f"{system} {code.code}{unchecked if code.unchecked else ''}" for system, entries in codes.items() for code in entries
    )
