"""A CDS Hooks card: an assessment as a clinical system shows it, with the tests that it may order from there.

A card is short; the whole report stands behind its link. Text that came with the record is cleaned by the view, escaped for
Markdown here, and cannot make a link, a picture or an element.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID, uuid5

import jinja2

from facts.assessment import Argument, Assessment, CauseAssessed, StepAdvised
from knowledge_base.declarations import Indicator
from knowledge_base.model import DecisionSupport, KnowledgeBase, OrderAdvice
from reports.arranged.verdicts import verdict_line
from reports.arranged.view import ReportView
from reports.fhir.codings import concepts_to_order
from reports.rendering import escape_markdown, markdown_environment
from reports.words.cleaning import clean

LONGEST_SUMMARY = 139
"""Characters; the specification says fewer than 140."""
_LONGEST_LABEL = 80
_CAUSES = 3
_CHANGES = 3
_NAMESPACE = UUID("6f3c1a58-9a5e-5b0b-8a61-0f9d6c3f8f5e")
_INDICATORS: tuple[Indicator, ...] = ("info", "warning", "critical")
# GitHub's Markdown makes links of bare addresses; a sign that is escaped no longer begins one.
_LINK_SIGNS = re.compile(r"(:(?=//)|@|(?<=www)\.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Card:
    """A card as it is sent, the rules it rests on, and the uuids of its suggestions."""

    uuid: str
    content: Mapping[str, Any]
    rules: tuple[str, ...]
    suggestions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a card is made for: the call, the patient, where the complaint is shown, and what could not be read.

    `call` names the request among all others; with the same knowledge it gives the same uuids. Addresses are absolute.
    """

    call: str
    patient: str
    encounter: str | None
    shown_by: tuple[str, ...]
    as_of: str | None
    notes: tuple[str, ...]
    report_address: str
    reasons_system: str


@dataclass(frozen=True, slots=True)
class OrderMet:
    """What to say of draft orders whose rule holds, with its sentence filled in."""

    advice: OrderAdvice
    because: str


@dataclass(frozen=True, slots=True)
class _OrderShown:
    summary: str
    because: str
    sources: tuple[int, ...]


def visit_card(assessment: Assessment, report: ReportView, knowledge: KnowledgeBase, occasion: Occasion) -> Card:
    """Make the card of a patient who has the complaint; `report` is the assessment arranged for reading."""
    return _Making(assessment, report, knowledge, occasion, ()).card(())


def order_card(
    before: Set[str],
    taken: Assessment,
    report: ReportView,
    orders: Sequence[OrderMet],
    knowledge: KnowledgeBase,
    occasion: Occasion,
) -> Card:
    """Make the card of draft orders: `before` are the rules that fire without them, `taken` is as if they were taken.

    `report` is `taken` arranged for reading.
    """
    new = [argument for argument in _arguments(taken) if argument.rule not in before]
    return _Making(taken, report, knowledge, occasion, orders).card(new)


def _arguments(assessment: Assessment) -> Iterator[Argument]:
    for sign in assessment.warning_signs:
        yield from sign.arguments
    for cause in assessment.causes:
        yield from cause.arguments_for
        yield from cause.arguments_against


class _Making:
    def __init__(
        self,
        assessment: Assessment,
        report: ReportView,
        knowledge: KnowledgeBase,
        occasion: Occasion,
        orders: Sequence[OrderMet],
    ) -> None:
        self.assessment, self.report, self.knowledge = assessment, report, knowledge
        self.occasion, self.orders = occasion, orders
        if knowledge.decision_support is None:
            raise ValueError("this knowledge base declares no cards")
        self.support: DecisionSupport = knowledge.decision_support
        self.numbers = {source.id: number for number, source in enumerate(assessment.evidence, start=1)}

    def card(self, new: Sequence[Argument]) -> Card:
        causes = [cause for cause in self.assessment.causes if self._is_shown(cause)][:_CAUSES] if not self.orders else []
        tests = [step for step in self.assessment.next_steps if step.kind == "test" and not step.done]
        if self.orders:
            # An order is no occasion to go through everything: only what the ordered medicine itself calls for.
            rules = {argument.rule for argument in new}
            tests = [step for step in tests if rules & self._rules_with(step)]
        rules_shown = tuple(dict.fromkeys(self._rules(causes, tests, new)))
        uuid = uuid5(_NAMESPACE, "\n".join((self.occasion.call, self.knowledge.hash, *rules_shown)))
        suggestions = [self.suggestion(uuid, step, name) for step in tests for name in (step.id, *step.includes)]
        content: dict[str, Any] = {
            "uuid": str(uuid),
            "summary": self.summary(),
            "indicator": self.indicator(),
            "detail": self.detail(new),
            "source": {"label": clean(f"{self.knowledge.title}, knowledge {self.knowledge.version}")},
        }
        if suggestions:
            content |= {"suggestions": suggestions, "selectionBehavior": "any"}
        if self.support.override_reasons:
            system = self.occasion.reasons_system
            content["overrideReasons"] = [
                {"code": code, "system": system, "display": display} for code, display in self.support.override_reasons.items()
            ]
        content["links"] = [{"label": "The full report", "url": self.occasion.report_address, "type": "absolute"}]
        return Card(str(uuid), content, rules_shown, tuple(suggestion["uuid"] for suggestion in suggestions))

    def _is_shown(self, cause: CauseAssessed) -> bool:
        return self.knowledge.grading.at_least(cause.standing, self.knowledge.grading.considered)

    def _rules_with(self, step: StepAdvised) -> set[str]:
        """Return the rules that rest on a finding which the advice of a step rests on too."""
        findings = {used.id for used in step.findings}
        return {argument.rule for argument in _arguments(self.assessment) if findings & {used.id for used in argument.findings}}

    def _rules(self, causes: Iterable[CauseAssessed], tests: Iterable[StepAdvised], new: Iterable[Argument]) -> Iterator[str]:
        yield from (order.advice.rule.id for order in self.orders)
        yield from (argument.rule for argument in new)
        yield from (argument.rule for sign in self.assessment.warning_signs for argument in sign.arguments)
        for cause in causes:
            yield from (said.rule for said in (*cause.arguments_for, *cause.arguments_against))
        yield from (name for step in tests for name in (step.id, *step.includes))

    def indicator(self) -> Indicator:
        of_urgency = self.support.indicators[self.assessment.urgency.level]
        return max((of_urgency, *(order.advice.indicator for order in self.orders)), key=_INDICATORS.index)

    def summary(self) -> str:
        """Return the urgency with its ceiling, or what is being ordered, in fewer than 140 characters."""
        if self.orders:
            return cut(" ".join(order.advice.summary for order in self.orders), LONGEST_SUMMARY)
        page = self.report.page
        return cut(f"{page.title}: {verdict_line(page)}. {' '.join(page.because)}", LONGEST_SUMMARY)

    def detail(self, new: Sequence[Argument]) -> str:
        """Return the page in a few lines of Markdown; its whole argument stands behind the card's link."""
        occasion = self.occasion
        shown = [
            _OrderShown(order.advice.summary, clean(order.because), self._cited(order.advice.rule.sources))
            for order in self.orders
        ]
        text = _template().render(
            report=self.report,
            verdict=verdict_line(self.report.page),
            orders=shown,
            changes=[clean(argument.because) for argument in new[:_CHANGES]],
            causes_shown=_CAUSES,
            shown_by=[clean(place) for place in occasion.shown_by],
            as_of=occasion.as_of,
            within_days=self.support.readings_within_days,
            notes=[clean(note) for note in occasion.notes],
        )
        return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"

    def _cited(self, sources: Iterable[str]) -> tuple[int, ...]:
        for key in sources:
            self.numbers.setdefault(key, len(self.numbers) + 1)
        return tuple(sorted(self.numbers[key] for key in sources))

    # Tests that can be ordered from the card

    def suggestion(self, card: UUID, step: StepAdvised, name: str) -> dict[str, Any]:
        """Return a suggestion to order one test of a step, which may stand for several."""
        ordered = self.knowledge.next_steps[name]
        return {
            "label": cut(ordered.do, _LONGEST_LABEL),
            "uuid": str(uuid5(card, name)),
            "actions": [
                {"type": "create", "description": f"Draft an order: {code['text']}", "resource": self.order(step, code)}
                for code in concepts_to_order(ordered.do, ordered.codes)
            ],
        }

    def order(self, step: StepAdvised, code: Mapping[str, Any]) -> dict[str, Any]:
        resource: dict[str, Any] = {
            "resourceType": "ServiceRequest",
            "status": "draft",
            "intent": "order",
            "priority": self.support.priorities[step.level or self.assessment.urgency.level],
            "code": dict(code),
            "subject": {"reference": f"Patient/{self.occasion.patient}"},
            "reasonCode": [{"text": clean(step.because)}],
        }
        if self.occasion.encounter:
            resource["encounter"] = {"reference": f"Encounter/{self.occasion.encounter}"}
        return resource


def cut(text: str, longest: int) -> str:
    """Shorten a text to so many characters, between words where that can be."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 1]
    return (kept.rsplit(" ", 1)[0] if " " in kept[longest // 2 :] else kept).rstrip(" ,;:") + "…"


def _escape_links(value: Any) -> Any:
    escaped = escape_markdown(value)
    return _LINK_SIGNS.sub(r"\\\1", escaped) if isinstance(escaped, str) else escaped


@cache
def _template() -> jinja2.Template:
    return markdown_environment(_escape_links).get_template("card.md.j2")
