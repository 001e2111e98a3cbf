"""What was asked back, in words: lines with how deep they stand, which a terminal indents and a page marks up."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from facts.assessment import Argument, FindingUsed
from facts.case import DENIED_TOGETHER
from facts.explanation import Difference, How, Served, Status, WhatIf, WhyAsked, WhyNot, WhyPage
from facts.requirements import answer_text
from facts.vocabulary import QuantityFinding, Value
from knowledge_base.model import KnowledgeBase
from reports.words.cleaning import clean
from reports.words.wording import lower_label, quantity_text, value_text

_LONGEST = 300
_MOST_SHOWN = 5
_VERBS = {"confirms": "would prove", "supports": "would support", "opposes": "would oppose", "excludes": "would exclude"}
_INDENTED = (0, 2, 6)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an explanation: 0 is a heading, 1 what it says, 2 what that rests on; `mark` is what stands before it."""

    depth: int
    text: str
    mark: str = ""

    def plain(self) -> str:
        """Return the line as a terminal shows it."""
        return f"{' ' * _INDENTED[self.depth]}{f'{self.mark} ' if self.mark else ''}{self.text}"


@singledispatch
def explain(answer: Any, knowledge: KnowledgeBase) -> list[Line]:
    """Put what was answered when it was asked back into lines, the heading first."""
    raise TypeError(f"nothing words {type(answer).__name__}")


@explain.register
def _why(answer: WhyAsked, knowledge: KnowledgeBase) -> list[Line]:
    finding = knowledge.vocabulary.findings[answer.finding]
    lines = [Line(0, f"WHY {finding.question}")]
    if answer.known is not None:
        lines.append(Line(0, f"It is answered: {_says(answer.known)}."))
    for served in answer.served[:_MOST_SHOWN]:
        lines.append(Line(1, f"for {_target(served, knowledge)}", "·"))
        if served.needed:
            lines.append(Line(2, f"still needed: {_shortened(clean(served.needed))}"))
        lines.append(Line(2, f"already known: {'; '.join(map(_says, served.known)) or 'nothing of it'}"))
    if len(answer.served) > _MOST_SHOWN:
        lines.append(Line(1, f"and for {len(answer.served) - _MOST_SHOWN} further rules", "…"))
    if not answer.served:
        lines.append(Line(1, "No rule waits for it: no answer to it could change the urgency or a cause."))
    lines.append(Line(0, "What an answer would do:"))
    for possible in answer.answers:
        told = _answer(answer.finding, possible.value, possible.between, knowledge)
        lines.append(Line(1, f"{told}: {_effect(possible.difference, knowledge)}", "·"))
    return lines


@explain.register
def _why_page(answer: WhyPage, knowledge: KnowledgeBase) -> list[Line]:
    lines = [Line(0, f"WHY {answer.label}")]
    if answer.asks_medicines:
        lines.append(Line(1, "One list answers every question about medicines; what is on no list is not taken."))
    for place, question in enumerate(answer.questions, start=1):
        parts = []
        if question.level is not None:
            parts.append(f"could raise the urgency to {knowledge.levels[question.level].label}")
        if question.causes:
            parts.append(f"could decide {question.causes} cause{'s' * (question.causes != 1)}")
        said = ", ".join(parts) or "part of the story, or of what everybody is asked"
        lines.append(Line(1, f"{knowledge.vocabulary.findings[question.finding].label}: {said}", f"{place:>2}"))
    return lines


@explain.register
def _how(answer: How, knowledge: KnowledgeBase) -> list[Line]:
    if answer.about == "urgency":
        reasons = [Line(1, clean(reason), "·") for reason in answer.because]
        return [Line(0, f"HOW urgency: {knowledge.levels[answer.value].label}"), *reasons]
    if answer.about == "finding":
        return [Line(0, f"HOW {knowledge.vocabulary.findings[answer.id].label}: {_known(answer)}.")]
    if answer.about == "sign":
        label = knowledge.warning_signs[answer.id].label
        if not answer.value:
            return [Line(0, f"“{label}” was not concluded; ask: why not {answer.id}")]
        head = Line(0, f"HOW “{label}” ({lower_label(knowledge.levels[answer.value].label)})")
        return [head, *_arguments("!", answer.arguments_for)]
    if answer.about == "step":
        if not answer.value:
            return [Line(0, f"“{knowledge.next_steps[answer.id].do}” is not advised.")]
        reason = f"{clean(' '.join(answer.because))} [{answer.source}]"
        return [Line(0, f"HOW “{answer.value}”"), Line(1, reason, "·")]
    label, standing = knowledge.causes[answer.id].label, knowledge.grading.standings[answer.value]
    lines = [Line(0, f"HOW “{label}”: {lower_label(standing)}")]
    lines += [*_arguments("+", answer.arguments_for), *_arguments("-", answer.arguments_against)]
    return lines if len(lines) > 1 else [*lines, Line(1, "Nothing is known for or against it.")]


@explain.register
def _why_not(answer: WhyNot, knowledge: KnowledgeBase) -> list[Line]:
    declared = knowledge.causes[answer.id] if answer.about == "cause" else knowledge.warning_signs[answer.id]
    lines = [Line(0, f"WHY NOT “{declared.label}”")]
    for rule in answer.rules:
        says = clean("; ".join(rule.says))
        if rule.truth == "open":
            lines.append(Line(1, f"{rule.rule} is open: it needs {says or 'something unknown'}", "?"))
        else:
            lines.append(Line(1, f"{rule.rule} {rule.truth}: {says}", "+" if rule.truth == "holds" else "x"))
    return lines + [Line(1, f"{rule.kind}: {clean('; '.join(rule.says))}", "-") for rule in answer.against]


@explain.register
def _what_if(answer: WhatIf, knowledge: KnowledgeBase) -> list[Line]:
    if answer.contradictions:
        lines = [Line(0, clean(f"This contradicts an answer: {one}.")) for one in answer.contradictions]
        if answer.both is not None:
            lines.append(Line(0, clean(f"To suppose both changes, ask: what if {_assigned(answer.both)}")))
        return lines
    if answer.difference.contradicts:
        return [Line(0, f"These answers contradict what is known: {clean(answer.difference.contradicts)}")]
    findings = knowledge.vocabulary.findings
    said = "; ".join(f"{findings[name].label}: {value_text(findings[name], value)}" for name, value in answer.supposed.items())
    changes = list(changed(answer.difference, knowledge)) or ["Nothing changes."]
    return [Line(0, f"WHAT IF {said}"), *(Line(1, line, "·") for line in changes)]


@explain.register
def _status(answer: Status, knowledge: KnowledgeBase) -> list[Line]:
    lines = [Line(0, f"STATUS {progress_line(answer, knowledge)}")]
    for name, level in answer.signs:
        lines.append(Line(1, f"{knowledge.warning_signs[name].label} ({lower_label(knowledge.levels[level].label)})", "!"))
    for name, standing in answer.causes:
        label = lower_label(knowledge.grading.standings[standing])
        lines.append(Line(1, f"{knowledge.causes[name].label}: {label}", "·"))
    counted = f"{answer.pages} screens, {answer.known} findings known, {answer.unknown} answered “unknown”"
    return [*lines, Line(1, counted)]


def progress_line(status: Status, knowledge: KnowledgeBase) -> str:
    """Say in one line what is decided, what is open, and how many questions are left: as it stands, and at most."""
    level, could_be = (lower_label(knowledge.levels[name].label) for name in (status.level, status.could_be))
    urgency = f"urgency decided: {level}"
    if status.is_decided and not status.is_open:
        urgency += ", until the tests are back" if status.is_awaiting else ""
    elif status.could_be != status.level:
        # Nothing left to ask could raise it, but an answer of "unknown" hides what could: that is not the same as decided. And
        # nobody is called routine whose dangers were not asked about.
        urgency = f"urgency at least {level}" if knowledge.level_rank[status.level] else "urgency not decided"
        urgency += ", still open" if status.is_open else f" ({could_be} depends on unknowns)"
    left, most = status.questions_left, status.questions_at_most
    if not left:
        return urgency
    told = f"{urgency} · {left} more question{'s' * (left != 1)} at most, if no answer opens others"
    return told if most is None else f"{told}; {most} at most, whatever is answered"


def changed(difference: Difference, knowledge: KnowledgeBase) -> Iterator[str]:
    """Say what differs: urgency, warning signs, and causes that stand otherwise."""
    levels, standings, signs = knowledge.levels, knowledge.grading.standings, knowledge.warning_signs
    before, after = difference.level
    if before != after:
        yield f"urgency {levels[before].label} → {levels[after].label}"
    yield from (f"warning sign: {signs[name].label}" for name in difference.signs)
    yield from (f"no warning sign any more: {signs[name].label}" for name in difference.signs_gone)
    for moved in difference.causes:
        told = f"{lower_label(standings[moved.before])} → {lower_label(standings[moved.after])}"
        yield f"{knowledge.causes[moved.cause].label}: {told}"


def _effect(difference: Difference, knowledge: KnowledgeBase) -> str:
    if difference.contradicts:
        return clean(f"contradicts {difference.contradicts}")
    changes = list(changed(difference, knowledge))
    if changes:
        return "; ".join(changes[:_MOST_SHOWN]) + ("; …" if len(changes) > _MOST_SHOWN else "")
    count = difference.ruled_out
    return f"rules out {count} argument{'s' * (count != 1)}" if count else "nothing changes by itself"


def _answer(name: str, value: Value, between: tuple[float, float] | None, knowledge: KnowledgeBase) -> str:
    finding = knowledge.vocabulary.findings[name]
    if between is not None and isinstance(finding, QuantityFinding):
        return f"between {quantity_text(finding, between[0])} and {quantity_text(finding, between[1])}"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value).replace("_", " ")


def _known(answer: How) -> str:
    if answer.finding is None:
        return "answered “unknown”" if answer.is_unknown else "not asked"
    origin = answer.finding.origin
    if origin in (None, "", DENIED_TOGETHER):
        return f"{_says(answer.finding)} ({origin or 'answered'})"
    return f"{_says(answer.finding)} (from {clean(origin)})"


def _says(used: FindingUsed) -> str:
    return clean(used.says)


def _target(served: Served, knowledge: KnowledgeBase) -> str:
    if served.kind == "warns":
        level = lower_label(knowledge.levels[served.level].label) if served.level else ""
        return f"the warning sign “{knowledge.warning_signs[served.target].label}” ({level})"
    return f"“{knowledge.causes[served.target].label}”, which it {_VERBS[served.kind]}"


def _arguments(mark: str, arguments: Iterable[Argument]) -> Iterator[Line]:
    for argument in arguments:
        weight = argument.strength or ("decisive" if argument.kind in ("confirms", "excludes") else "")
        yield Line(1, f"{clean(argument.because)}{f' ({weight})' if weight else ''}", mark)
        yield Line(2, f"based on: {clean('; '.join(used.says for used in argument.findings))}")
        yield Line(2, f"rule {argument.rule}; source: {argument.source}")


def _assigned(answers: Mapping[str, Value]) -> str:
    return ", ".join(f"{name}={answer_text(value)}" for name, value in answers.items())


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(' ', 1)[0]} …"
