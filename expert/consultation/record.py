"""A consultation written down for other programs: what was asked and why, where it stands, how it concluded, why it stopped."""

from typing import Any

from expert.consultation.answer_log import Log, drop_undone
from expert.consultation.asking.next_question import Certificate
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.explaining import how, why_page
from expert.consultation.meant import Meant
from expert.consultation.moments import Consultation, Moment
from expert.consultation.progress import standing
from reports.json_report import as_plain


def as_json(consultation: Consultation, log: Log, moment: Moment) -> dict[str, Any]:
    """Return what a consultation asked and why, and why it stopped (`certificate` is None while it goes on)."""
    certificate = moment.next if isinstance(moment.next, Certificate) else None
    leading = [] if moment.prospect.leading is None else [Meant("cause", moment.prospect.leading)]
    return {
        "screens": moment.screens,
        "asked": _asked(consultation, log, moment.told.case.name),
        "status": as_plain(standing(moment)),
        "how": [as_plain(how(moment, named)) for named in (Meant("urgency", "urgency"), *leading)],
        "certificate": certificate
        and {
            "urgency": certificate.urgency,
            "leading": certificate.leading,
            "remaining": certificate.remaining,
            "thorough": certificate.thorough,
            "kept_open": [
                {"conclusion": kept.conclusion, "could_be": kept.could_be, "findings": list(kept.findings)}
                for kept in certificate.kept_open
            ],
        },
    }


def _asked(consultation: Consultation, log: Log, name: str) -> list[dict[str, Any]]:
    """Return every page that was answered, with its answers' findings and what each of its questions could change then."""
    order = {finding: place for place, finding in enumerate(consultation.knowledge.vocabulary.findings)}
    events = drop_undone(log)
    pages: list[dict[str, Any]] = []
    for step in dict.fromkeys(event.step for event in events if event.screen):
        before = consultation.moment(tuple(event for event in events if event.step < step), name)
        here = [event for event in events if event.step == step and event.screen]
        questions = {finding for event in here for finding in event.answers}
        page: dict[str, Any] = {
            "screen": here[0].screen,
            "questions": sorted(questions, key=lambda finding: (order.get(finding, -1), finding)),
        }
        if isinstance(before.next, ScreenAsked):
            page["why"] = [as_plain(question) for question in why_page(before, before.next).questions]
        pages.append(page)
    return pages
