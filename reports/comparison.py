"""The same patient at two times: what changed in findings, verdict, warning signs, causes and plan, and why.

A finding that is not told again is unknown now, as anything else that nobody asked: a sign that rested on it is open, not gone,
and the comparison says what the urgency would be if it were still so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

from facts.assessment import Argument, Assessment, FindingUsed
from facts.case import NOT_LISTED
from facts.requirements import closed_by
from knowledge_base.model import KnowledgeBase
from reports.arranged.page import knowledge_line, page, proved, statement
from reports.arranged.verdicts import verdict_line
from reports.formats import COMPARISONS
from reports.json_report import to_json
from reports.words.cleaning import clean
from reports.words.wording import sentence, value_text

SignChange: TypeAlias = Literal["new", "gone", "not_told", "other_level"]
"""`not_told`: it would still be there if what was not told again were as before."""


@dataclass(frozen=True, slots=True)
class FindingChanged:
    """A finding that is told otherwise: its value before and after in words, None where it was or is not told."""

    id: str
    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class SignChanged:
    """A warning sign that is new, gone, open again or of another level; the sentences of what speaks for it, and why."""

    id: str
    label: str
    change: SignChange
    level_before: str | None
    level_after: str | None
    because: tuple[str, ...]
    findings: tuple[FindingChanged, ...]


@dataclass(frozen=True, slots=True)
class CauseChanged:
    """A cause of another standing: the arguments that it gained and lost, and the findings of these that changed."""

    id: str
    label: str
    before: str
    after: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    findings: tuple[FindingChanged, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict in a line, and the day at which a record was judged."""

    line: str
    level: str
    level_label: str
    decided: bool
    as_of: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that a comparison shows.

    `still` is the level that would hold if what was not told again were as before, where that is higher.
    """

    case: str
    before_case: str
    title: str
    before: Verdict
    after: Verdict
    direction: Literal["higher", "lower", "same"]
    still: str | None
    changed: tuple[FindingChanged, ...]
    new: tuple[FindingChanged, ...]
    not_told: tuple[FindingChanged, ...]
    signs: tuple[SignChanged, ...]
    causes: tuple[CauseChanged, ...]
    steps_new: tuple[str, ...]
    steps_gone: tuple[str, ...]
    statement: str
    knowledge: str


def comparison(before: Assessment, after: Assessment, if_unchanged: Assessment | None, knowledge: KnowledgeBase) -> Comparison:
    """Compare two assessments of one patient that were made with this knowledge base."""
    return _Comparing(before, after, if_unchanged, knowledge).comparison()


def plain(compared: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data, for JSON."""
    data: dict[str, Any] = _adapter().dump_python(compared, mode="json")
    return data


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Comparison)


def render_comparisons(compared: Sequence[Comparison], form: str) -> str:
    """Render comparisons as one text, in a format of `COMPARISONS`; as JSON one object, or a list of several."""
    template = COMPARISONS[form]
    if template is not None:
        return "\n\n".join(template.render(comparison=one) for one in compared)
    data = [plain(one) for one in compared]
    return to_json(data[0] if len(data) == 1 else data)


class _Comparing:
    def __init__(
        self, before: Assessment, after: Assessment, if_unchanged: Assessment | None, knowledge: KnowledgeBase
    ) -> None:
        self.before, self.after, self.if_unchanged, self.knowledge = before, after, if_unchanged, knowledge
        self.changes = self.finding_changes()

    def comparison(self) -> Comparison:
        ranks = self.knowledge.level_rank
        rise = ranks[self.after.urgency.level] - ranks[self.before.urgency.level]
        changes = self.changes.values()
        steps = [[step.do for step in one.next_steps if not step.done] for one in (self.before, self.after)]
        return Comparison(
            case=clean(self.after.case),
            before_case=clean(self.before.case),
            title=self.knowledge.title,
            before=self.verdict(self.before),
            after=self.verdict(self.after),
            direction="higher" if rise > 0 else "lower" if rise < 0 else "same",
            still=self.still(),
            changed=tuple(one for one in changes if one.before is not None and one.after is not None),
            new=tuple(one for one in changes if one.before is None),
            not_told=tuple(one for one in changes if one.after is None),
            signs=tuple(self.sign_changes()),
            causes=tuple(self.cause_changes()),
            steps_new=tuple(do for do in dict.fromkeys(steps[1]) if do not in steps[0]),
            steps_gone=tuple(do for do in dict.fromkeys(steps[0]) if do not in steps[1]),
            statement=statement(),
            knowledge=f"{knowledge_line(self.knowledge)} {proved(self.knowledge)}",
        )

    def verdict(self, assessment: Assessment) -> Verdict:
        shown = page(assessment, self.knowledge)
        as_of = assessment.record.as_of if assessment.record else None
        return Verdict(sentence(verdict_line(shown)), shown.level, shown.level_label, shown.state == "decided", as_of)

    def still(self) -> str | None:
        """Return the level that would hold if what was not told again were as before, where that is higher."""
        ranks = self.knowledge.level_rank
        if self.if_unchanged is None or ranks[self.if_unchanged.urgency.level] <= ranks[self.after.urgency.level]:
            return None
        return self.knowledge.levels[self.if_unchanged.urgency.level].label

    def finding_changes(self) -> Mapping[str, FindingChanged]:
        before, after = ({used.id: used for used in one.findings} for one in (self.before, self.after))
        known, now = ({name: used.value for name, used in one.items()} for one in (before, after))
        # What a "no" now takes the meaning from is answered by it, and not untold.
        closed = closed_by(now, (), known, self.knowledge.vocabulary.findings)
        found = {}
        for name in self.knowledge.vocabulary.findings:
            old, new = before.get(name), after.get(name)
            # That a medicine is on neither list is nobody's news, nor that one list was given and the other not.
            if name in closed and new is None:
                continue
            if any(told for told in (old, new) if told and told.origin != NOT_LISTED) and _value(old) != _value(new):
                found[name] = FindingChanged(name, self.label(name), self.told(old), self.told(new))
        return found

    def label(self, name: str) -> str:
        return sentence(self.knowledge.vocabulary.findings[name].label).removesuffix(".")

    def told(self, used: FindingUsed | None) -> str | None:
        if used is None:
            return None
        return clean(value_text(self.knowledge.vocabulary.findings[used.id], used.value, used.given or ""))

    def behind(self, arguments: Iterable[Argument]) -> tuple[FindingChanged, ...]:
        """Return the findings of arguments that changed, each once."""
        names = dict.fromkeys(used.id for argument in arguments for used in argument.findings)
        return tuple(self.changes[name] for name in names if name in self.changes)

    def sign_changes(self) -> Iterable[SignChanged]:
        before, after = ({sign.id: sign for sign in one.warning_signs} for one in (self.before, self.after))
        for name in dict.fromkeys((*after, *before)):
            old, new = before.get(name), after.get(name)
            if old and new and old.level == new.level:
                continue
            shown = new or old
            if shown is None:
                continue
            arguments = (*(old.arguments if old else ()), *(new.arguments if new else ()))
            findings = self.behind(arguments)
            change: SignChange = "other_level" if old and new else "new" if new else self.gone(name, findings)
            levels = [self.knowledge.levels[sign.level].label if sign else None for sign in (old, new)]
            yield SignChanged(name, shown.label, change, levels[0], levels[1], _sentences(shown.arguments), findings)

    def gone(self, sign: str, findings: Sequence[FindingChanged]) -> SignChange:
        if self.if_unchanged is None:
            # Nothing is left untold, or what was told before cannot stand beside what is told now.
            return "not_told" if any(one.after is None for one in findings) else "gone"
        return "not_told" if any(one.id == sign for one in self.if_unchanged.warning_signs) else "gone"

    def cause_changes(self) -> Iterable[CauseChanged]:
        grading = self.knowledge.grading
        before = {cause.id: cause for cause in self.before.causes}
        for cause in self.after.causes:
            old = before[cause.id]
            standings = (old.standing, cause.standing)
            if old.standing == cause.standing or not any(grading.at_least(one, grading.considered) for one in standings):
                continue
            lists = [(*one.arguments_for, *one.arguments_against) for one in (old, cause)]
            rules = [{argument.rule for argument in arguments} for arguments in lists]
            lost = [argument for argument in lists[0] if argument.rule not in rules[1]]
            gained = [argument for argument in lists[1] if argument.rule not in rules[0]]
            labels = [grading.standings[standing] for standing in standings]
            behind = self.behind((*lost, *gained))
            yield CauseChanged(cause.id, cause.label, labels[0], labels[1], _sentences(gained), _sentences(lost), behind)


def _value(used: FindingUsed | None) -> object:
    return None if used is None else used.value


def _sentences(arguments: Sequence[Argument]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(clean(argument.because) for argument in arguments))
