"""The answers that stand, as pages list them: each with what it can be changed to."""

from dataclasses import dataclass

from expert.web.pages.sitting import Sitting
from facts.case import DENIED_TOGETHER, NOT_LISTED
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding
from reports.words.cleaning import clean
from reports.words.wording import sentence, unit_text, value_text


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer that stands, in words. `is_plain` is an absent sign or an unknown, of which there are many."""

    id: str
    label: str
    told: str
    origin: str
    is_plain: bool
    choices: tuple[tuple[str, str], ...]
    unit: str

    @property
    def may_change(self) -> bool:
        """Whether it was answered itself, and does not follow from another answer."""
        return self.origin in ("", DENIED_TOGETHER)


def answers_of(sitting: Sitting) -> tuple[Answered, ...]:
    """Return every answer that stands, in the order of the vocabulary, then what was answered "unknown"."""
    findings, told = sitting.service.knowledge.vocabulary.findings, sitting.moment.told
    known = [
        _answered(
            findings[name],
            clean(value_text(findings[name], observed.value, observed.given)),
            clean(observed.origin),
            is_plain=observed.value is False,
        )
        for name, observed in told.case.findings.items()
        if observed.origin != NOT_LISTED
    ]
    return (*known, *(_answered(findings[name], "unknown", "", is_plain=True) for name in sorted(told.unknown)))


def closed_by_lists(sitting: Sitting) -> list[str]:
    """Return the questions about medicines that the complete list answers with no."""
    findings = sitting.service.knowledge.vocabulary.findings
    given = sitting.moment.told.case.findings
    return [_label(findings[name]) for name, observed in given.items() if observed.origin == NOT_LISTED]


def _answered(finding: Finding, told: str, origin: str, *, is_plain: bool) -> Answered:
    choices: tuple[tuple[str, str], ...] = (("yes", "Yes"), ("no", "No"))
    if isinstance(finding, ChoiceFinding):
        choices = tuple((choice, choice.replace("_", " ")) for choice in finding.choices)
    elif isinstance(finding, QuantityFinding):
        choices = ()
    unit = unit_text(finding) if isinstance(finding, QuantityFinding) else ""
    return Answered(finding.id, _label(finding), told, origin, is_plain, choices, unit)


def _label(finding: Finding) -> str:
    return sentence(finding.label).removesuffix(".")
