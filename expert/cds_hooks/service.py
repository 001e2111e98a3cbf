"""CDS Hooks services: from a request to its cards, without HTTP; compiled once, used by any number of threads.

A patient without the complaint gets no card. One with it gets a single card: of the whole assessment when a chart is opened, or
of the draft orders that meet the complaint when something is ordered.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from expert.cds_hooks.complaint import holds, places_shown
from expert.cds_hooks.outcome import CallRefused
from expert.cds_hooks.prefetch import COMPLAINT_KEYS, Fetch, PrefetchedRecord, templates
from expert.cds_hooks.request import HookRequest
from expert.inference.assessing import Assessor, ContradictoryCase
from facts.case import Case
from facts.intake.fhir.codes import code_index
from facts.intake.fhir.kinds.days import newest_day
from facts.intake.fhir.kinds.people import death
from facts.intake.fhir.record import read_record
from facts.intake.fhir.shapes.modifiers import is_said
from facts.intake.fhir.shapes.resources import Resource
from facts.intake.fhir.shapes.values import bare_code, text_of
from facts.intake.judging import Judging
from facts.problems import Place, Problem
from knowledge_base.model import DecisionSupport
from reports.arranged.view import ReportView, view
from reports.cds_card import Card, Occasion, OrderMet, order_card, visit_card
from reports.words.wording import Sentence

_ORDERED = frozenset({"draft", "active", ""})
_PROBLEMS_TOLD = 3
_DROPPED_TOLD = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """A card, and the report that it links to: the key it is kept under, and the assessment arranged for reading."""

    card: Card
    key: str
    report: ReportView


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the service is: its own address without a slash at the end, and how the key of a report is made of a call."""

    base: str
    report_key: Callable[[str], str]

    def of_report(self, key: str) -> str:
        """Return the address of a kept report."""
        return f"{self.base}/cds-reports/{key}"


class CdsService:
    """The services that a knowledge base declares. Raises ValueError for one that declares none."""

    def __init__(self, assessor: Assessor) -> None:
        support = assessor.knowledge.decision_support
        if support is None:
            raise ValueError("the knowledge base has no cds_hooks.yaml, so there is no service to offer")
        self.assessor, self.knowledge = assessor, assessor.knowledge
        self.support: DecisionSupport = support
        self.index = code_index(self.knowledge.vocabulary, self.knowledge.dictionary)
        self.templates = templates(self.knowledge.vocabulary)
        self.sentences = {
            name: Sentence(order.rule.because, order.rule.condition, self.knowledge) for name, order in support.orders.items()
        }

    def discovery(self) -> dict[str, Any]:
        """Describe every service as clients ask for it: one entry for each of its hooks."""
        return {
            "services": [
                {
                    "hook": hook,
                    "title": entry.title,
                    "description": entry.description,
                    "id": name,
                    "prefetch": dict(self.templates),
                    "usageRequirements": (
                        "Every prefetch key is needed once the record shows the complaint; conditions and the encounter are "
                        "needed to see whether it does. What is neither prefetched nor fetchable is answered with 412."
                    ),
                }
                for name, entry in self.support.services.items()
                for hook in entry.hooks
            ]
        }

    def answers(
        self,
        service: str,
        request: HookRequest,
        addresses: Addresses,
        fetch: Fetch | None = None,
        today: date | None = None,
    ) -> tuple[Answer, ...]:
        """Make the cards of a call; none where there is nothing to say, and none of somebody who has died.

        `today` is the day of the call: a death that is dated later has not happened. Raises CallRefused when the call cannot be
        answered.
        """
        record = PrefetchedRecord(request, self.templates, fetch)
        record.take_prefetched()
        if self._has_died(record, today):
            return ()
        ordering = request.hook in ("order-select", "order-sign")
        drafts: list[Resource] = []
        orders: list[OrderMet] = []
        if ordering:
            drafts = self._drafts(record)
            orders = self._orders_met(drafts, record)
            if not orders:
                return ()
        places = self._complaint(record)
        if not places:
            record.need(COMPLAINT_KEYS)
            places = self._complaint(record)
            if not places:
                if unread := record.incomplete.intersection(COMPLAINT_KEYS):
                    told = f"prefetch.{', prefetch.'.join(sorted(unread))}: there are more pages, which could not be fetched"
                    raise CallRefused(412, "processing", told)
                return ()
        record.need(tuple(self.templates))
        if self._has_died(record, today):
            return ()
        day = newest_day([*record.resources, *(Resource(draft, Place("draft")) for draft in request.drafts)])
        judging = Judging(day, self.support.readings_within_days)
        case, problems = self._case(record.resources, record, judging)
        call = "\n".join((service, request.hook, request.instance, request.patient))
        key = addresses.report_key(call)
        occasion = Occasion(
            call=call,
            patient=request.patient,
            encounter=request.encounter,
            shown_by=places,
            as_of=day.isoformat() if day else None,
            notes=(*record.notes, *_expired(case), *_explain_problems(problems)),
            report_address=addresses.of_report(key),
            reasons_system=f"{addresses.base}/cds-services/override-reasons",
        )
        with self._contradictions_refused():
            if not ordering:
                assessment = self.assessor.assess(case)
                report = view(assessment, self.knowledge)
                return (Answer(visit_card(assessment, report, self.knowledge, occasion), key, report),)
            before = self.assessor.fired(case)
            taken = self.assessor.assess(self._case([*record.resources, *drafts], record, judging)[0])
        report = view(taken, self.knowledge)
        return (Answer(order_card(before, taken, report, orders, self.knowledge, occasion), key, report),)

    def _has_died(self, record: PrefetchedRecord, today: date | None) -> bool:
        day = max(filter(None, (today, newest_day(record.resources))), default=None) if today else None
        return bool(death(record.resources, day))

    def _complaint(self, record: PrefetchedRecord) -> tuple[str, ...]:
        case, _ = self._case(record.resources, record, Judging(None, self.support.readings_within_days))
        return places_shown(self.support.complaint, record.resources, record.request.encounter, case.values, self.knowledge)

    def _case(
        self, resources: Sequence[Resource], record: PrefetchedRecord, judging: Judging
    ) -> tuple[Case, tuple[Problem, ...]]:
        return read_record(record.request.patient, resources, self.index, record.medication, judging)

    @contextmanager
    def _contradictions_refused(self) -> Iterator[None]:
        try:
            yield
        except ContradictoryCase as error:
            told = f"what the record says contradicts itself, so nothing is concluded: {error}"
            raise CallRefused(422, "business-rule", told) from None

    # Draft orders

    def _drafts(self, record: PrefetchedRecord) -> list[Resource]:
        """Return the draft orders as if what they order were taken: what they say of times to come does not matter here."""
        drafts = [
            draft
            for draft in record.request.drafts
            if bare_code(draft.get("status")) in _ORDERED and not is_said(draft.get("doNotPerform"))
        ]
        record.need_medications_of(drafts)
        later = ("authoredOn", "dosageInstruction", "meta")
        return [
            Resource(
                {
                    **{key: value for key, value in draft.items() if key not in later},
                    "status": "active",
                    "intent": "order",
                    "id": f"draft {text_of(draft.get('id')) or number}",
                },
                Place("context.draftOrders", number),
            )
            for number, draft in enumerate(drafts, 1)
        ]

    def _orders_met(self, drafts: Sequence[Resource], record: PrefetchedRecord) -> list[OrderMet]:
        case, _ = self._case(drafts, record, Judging())
        values = case.values

        def truth(name: str) -> bool | None:
            return holds(self.knowledge.conditions[name], values, self.knowledge)

        return [
            OrderMet(advice, self.sentences[name].fill(case.findings, values, truth))
            for name, advice in self.support.orders.items()
            if holds(advice.rule.condition, values, self.knowledge) is True
        ]


def _expired(case: Case) -> list[str]:
    dropped = case.record.expired if case.record else ()
    told = [f"Too old to count: {one}." for one in dropped[:_DROPPED_TOLD]]
    if len(dropped) > _DROPPED_TOLD:
        told.append(f"So are {len(dropped) - _DROPPED_TOLD} more results; the full report lists them.")
    return told


def _explain_problems(problems: Sequence[Problem]) -> list[str]:
    told = [f"Could not be used: {problem.message}." for problem in problems[:_PROBLEMS_TOLD]]
    if len(problems) > _PROBLEMS_TOLD:
        told.append(f"Nor could {len(problems) - _PROBLEMS_TOLD} more entries of the record.")
    return told
