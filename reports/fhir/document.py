"""An assessment as a FHIR R4 document: a Bundle that a record system can keep, with what it rests on and who made it.

Nothing here is a finding or a diagnosis: causes stand in a ClinicalImpression, warning signs in DetectedIssues, tests in draft
ServiceRequests. Ids are made of the content, and dates are the day at which the patient was judged, so that the same assessment
is the same document.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias
from uuid import UUID, uuid5

from facts.assessment import Assessment, CauseAssessed, StepAdvised, WarningSignFound
from facts.intake.fhir.own_documents import DEVICE_NAME
from facts.language.catalogs import ENGLISH
from facts.language.speaking import say, spoken
from facts.vocabulary import ChoiceFinding
from knowledge_base.model import KnowledgeBase
from reports.arranged.page import Page, page
from reports.arranged.verdicts import verdict_line
from reports.fhir.codings import SYSTEMS, codings, concept, concepts_to_order
from reports.fhir.narrative import joined, narrative, told
from reports.fhir.sources import all_sources, sources_of_arguments
from reports.json_report import plain
from reports.words.wording import sentence, value_text

Resource: TypeAlias = dict[str, Any]

_NAMESPACE = UUID("2a1f7c1e-8f0b-5a57-9d4e-6b8f6f0c8d11")
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_NO_DAY = "1970-01-01"
"""When the Bundle was put together, where no day is told: a document must say it, and the clock would make each one another."""
_NOTE = {"system": SYSTEMS["LOINC"], "code": "51847-2", "display": "Evaluation + Plan note"}
_SEVERITIES = {"info": "low", "warning": "moderate", "critical": "high"}
_INVESTIGATED = ("Observation", "QuestionnaireResponse")
"""What R4 lets an investigation refer to, of what is read."""
_MISSING_NAMED = 12
_IS_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_MEDICINES = "medicines"
"""The id that stands for the medicine lists among what is missing."""


def document(assessment: Assessment, knowledge: KnowledgeBase, day: str | None = None) -> Resource:
    """Return the document of an assessment made with this knowledge base, as plain data.

    `day` is that of a case that somebody wrote, which tells none itself; a record is judged as of its own.
    """
    return _Document(assessment, knowledge, day).bundle()


class _Document:
    def __init__(self, assessment: Assessment, knowledge: KnowledgeBase, day: str | None) -> None:
        self.assessment, self.knowledge = assessment, knowledge
        self.page: Page = page(assessment, knowledge)
        self.day = assessment.record.as_of if assessment.record else day
        self.uuid = uuid5(_NAMESPACE, json.dumps([self.day, plain(assessment)], sort_keys=True))
        self.entries: list[Resource] = []
        self.subject: Resource = {}
        self.device: Resource = {}

    def bundle(self) -> Resource:
        # What is referred to is made before what refers to it; the Composition comes first all the same.
        self.device = self.add("Device", "charley", self.charley())
        self.subject = self.patient()
        issues = [self.add("DetectedIssue", sign.id, self.issue(sign)) for sign in self.assessment.warning_signs]
        guidance = self.add("GuidanceResponse", "guidance", self.guidance())
        impression = self.add("ClinicalImpression", "impression", self.impression([*issues, guidance]))
        orders = [
            self.add("ServiceRequest", f"{name} {number}", self.order(step, code))
            for step in self.assessment.next_steps
            if step.kind == "test" and not step.done
            for name in (step.id, *step.includes)
            for number, code in enumerate(self.codes_to_order(name))
        ]
        self.add_provenance(impression, issues)
        self.add("Composition", "composition", self.composition(impression, issues, orders, guidance))
        composition = self.entries.pop()
        return {
            "resourceType": "Bundle",
            "id": str(self.uuid),
            "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{self.uuid}"},
            "language": language.tag if (language := spoken()) else ENGLISH,
            "type": "document",
            "timestamp": _instant(self.day or _NO_DAY),
            "entry": [composition, *self.entries],
        }

    def add(self, kind: str, name: str, content: Resource, own_id: str = "") -> Resource:
        """Add a resource; gives the reference to it."""
        uuid = uuid5(self.uuid, f"{kind} {name}")
        resource = {"resourceType": kind, "id": own_id or str(uuid), **content}
        self.entries.append({"fullUrl": f"urn:uuid:{uuid}", "resource": resource})
        return {"reference": f"urn:uuid:{uuid}"}

    def dated(self, element: str, *, required: bool = False) -> Resource:
        if self.day:
            return {element: self.day}
        return {f"_{element}": {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}} if required else {}

    # Who it is about, and who says it

    def patient(self) -> Resource:
        """Return the reference to the patient; a Patient stands in the document where a record or the sex is known."""
        name = told(self.assessment.case)
        sex = self.gender()
        if self.assessment.record is None and not sex:
            return {"identifier": {"value": name}, "display": name}
        # A record's patient keeps its id, by which the system that sent it knows it; a case's name is no id.
        own_id = name if self.assessment.record and _IS_ID.fullmatch(name) else ""
        shown = {"text": narrative(name)} | ({} if own_id else {"identifier": [{"value": name}]})
        return self.add("Patient", "patient", {**shown, **sex}, own_id)

    def gender(self) -> Resource:
        known = {used.id: used.value for used in self.assessment.findings}
        for name, finding in self.knowledge.vocabulary.findings.items():
            if isinstance(finding, ChoiceFinding) and any(
                code.code == "Patient.gender" for code in finding.codes.get("FHIR", ())
            ):
                codes = finding.answer_codes.get(str(known.get(name)), {}).get("FHIR gender", [])
                if codes:
                    return {"gender": codes[0].code}
        return {}

    def charley(self) -> Resource:
        used = self.assessment.knowledge_base
        return {
            "text": narrative(self.page.knowledge),
            "deviceName": [{"name": DEVICE_NAME, "type": "user-friendly-name"}],
            "version": [
                {"type": {"text": "knowledge"}, "value": told(f"{used.title} {used.version}")},
                {"type": {"text": "content hash of the knowledge"}, "value": used.hash},
            ],
        }

    # What was concluded

    def issue(self, sign: WarningSignFound) -> Resource:
        because = joined(argument.because for argument in sign.arguments)
        support = self.knowledge.decision_support
        level = self.knowledge.levels[sign.level].label
        found = {
            "text": narrative(f"{sign.label} ({level}): {because}"),
            "status": "preliminary",
            "code": {"text": told(sign.label)},
            **({"severity": _SEVERITIES[support.indicators[sign.level]]} if support else {}),
            "patient": self.subject,
            **self.dated("identifiedDateTime"),
            "author": self.device,
            "detail": because,
        }
        evidence = self.referring(sources_of_arguments(sign.arguments))
        return found | ({"evidence": [{"detail": evidence}]} if evidence else {})

    def impression(self, supporting: list[Resource]) -> Resource:
        page, grading = self.page, self.knowledge.grading
        likely = [one for one in self.assessment.causes if grading.at_least(one.standing, grading.considered)]
        observed = [
            name for name in all_sources(self.assessment) if name.startswith(("Observation/", "QuestionnaireResponse/"))
        ]
        summary = joined((sentence(verdict_line(page)), *page.because))
        return {
            "text": narrative(summary),
            "status": "completed" if page.state == "decided" else "in-progress",
            "description": told(page.fits or page.title),
            "subject": self.subject,
            **self.dated("effectiveDateTime"),
            **(
                {"investigation": [{"code": {"text": say("What was read")}, "item": self.referring(observed)}]}
                if observed
                else {}
            ),
            "summary": summary,
            **({"finding": [self.cause(one) for one in likely]} if likely else {}),
            "supportingInfo": supporting,
            "note": [{"text": page.statement}],
        }

    def cause(self, cause: CauseAssessed) -> Resource:
        against = joined(argument.because for argument in cause.arguments_against) if cause.arguments_against else ""
        basis = f"{self.knowledge.grading.standings[cause.standing]}. {joined(one.because for one in cause.arguments_for)}"
        return {
            "itemCodeableConcept": concept(told(cause.label), self.knowledge.causes[cause.id].codes),
            "basis": basis + (f" {say('Against it')}: {against}" if against else ""),
        }

    def guidance(self) -> Resource:
        used, missing = self.assessment.knowledge_base, self.assessment.missing
        status = "data-required" if self.page.state == "open" else "data-requested" if missing else "success"
        return {
            "text": narrative(self.page.title, [entry.question for entry in missing[:_MISSING_NAMED]]),
            "moduleCodeableConcept": {"text": told(f"{used.title} {used.version} ({used.hash})")},
            "status": status,
            "subject": self.subject,
            **self.dated("occurrenceDateTime"),
            "performer": self.device,
            **({"dataRequirement": [self.required(entry.id, entry.question) for entry in missing]} if missing else {}),
        }

    def required(self, name: str, question: str) -> Resource:
        """Return what would have to be known; the element's id is the finding's."""
        finding = self.knowledge.vocabulary.findings.get(name)
        if finding is None:
            return {"id": _MEDICINES, "type": "MedicationStatement"}
        found = codings(finding.codes, finding.label) or [{"display": told(question)}]
        return {"id": name, "type": "Observation", "codeFilter": [{"path": "code", "code": found}]}

    # What to do

    def codes_to_order(self, name: str) -> list[Resource]:
        step = self.knowledge.next_steps[name]
        return concepts_to_order(step.do, step.codes)

    def order(self, step: StepAdvised, code: Resource) -> Resource:
        support = self.knowledge.decision_support
        level = step.level or self.assessment.urgency.level
        return {
            "text": narrative(f"{code['text']}: {step.because}"),
            "status": "draft",
            "intent": "proposal",
            **({"priority": support.priorities[level]} if support else {}),
            "code": code,
            "subject": self.subject,
            "requester": self.device,
            "reasonCode": [{"text": told(step.because)}],
        }

    # What it rests on

    def referring(self, sources: Iterable[str]) -> list[Resource]:
        """Return references to resources of the record; none for a case that somebody wrote."""
        return [{"reference": name} for name in sources] if self.assessment.record else []

    def add_provenance(self, impression: Resource, issues: Sequence[Resource]) -> None:
        """Say of each conclusion which resources of the record it was drawn from."""
        drawn = [(impression, all_sources(self.assessment))]
        drawn += [
            (issue, sources_of_arguments(sign.arguments))
            for issue, sign in zip(issues, self.assessment.warning_signs, strict=True)
        ]
        for target, sources in drawn:
            if references := self.referring(sources):
                content = {
                    "text": narrative(sources),
                    "target": [target],
                    "recorded": _instant(self.day or _NO_DAY),
                    "agent": [{"who": self.device}],
                    "entity": [{"role": "source", "what": what} for what in references],
                }
                self.add("Provenance", target["reference"], content)

    def composition(
        self, impression: Resource, issues: Sequence[Resource], orders: Sequence[Resource], guidance: Resource
    ) -> Resource:
        page, missing = self.page, self.assessment.missing
        more = len(missing) - _MISSING_NAMED
        questions = [entry.question for entry in missing[:_MISSING_NAMED]] + (
            [say("{count} more").format(count=more)] if more > 0 else []
        )
        steps = [step.do + (f" ({step.when})" if step.when else "") for step in (*page.do_now, *page.then)]
        causes = [f"{one.standing_label}: {one.label}. {joined(one.reasons)}" for one in page.causes]
        signs = [f"{sign.label}: {sign.because}" for sign in self.assessment.warning_signs]
        verdict = [sentence(verdict_line(page)), *page.because, *(f"{say('Unverified')}: {one}" for one in page.unverified)]
        written = [
            (say("Verdict"), verdict, [impression]),
            (say("Warning signs"), signs, issues),
            (say("Leading causes"), causes, ()),
            (say("What to do"), steps, orders),
            (say("Not known, and it matters"), questions, [guidance]),
            (say("What was told"), [self.finding(place) for place in range(len(self.assessment.findings))], ()),
            (say("Not recognized"), [f"{text}: {reason}" for text, reason in page.unrecognized], ()),
            (say("Sources"), [source.citation for source in self.assessment.evidence], ()),
        ]
        title = told(f"{page.title}: {page.case}")
        return {
            "text": narrative(title, page.record, page.statement, page.knowledge),
            "status": "preliminary",
            "type": {"coding": [_NOTE], "text": _NOTE["display"]},
            "subject": self.subject,
            **self.dated("date", required=True),
            "author": [self.device],
            "title": title,
            "section": [
                {"title": heading, "text": narrative(lines), **({"entry": list(entries)} if entries else {})}
                for heading, lines, entries in written
                if lines
            ],
        }

    def finding(self, place: int) -> str:
        used = self.assessment.findings[place]
        finding = self.knowledge.vocabulary.findings[used.id]
        value = value_text(finding, used.value, used.given or "")
        return f"{finding.label}: {value}" + (f" ({used.origin})" if used.origin else "")


def _instant(day: str) -> str:
    return f"{day}T00:00:00Z"
