"""Where a consultation stands, in words: one line of progress, the status, and why it stopped."""

from collections import Counter
from collections.abc import Collection
from math import ceil

from expert.consultation.asking.foreseeing import foresee
from expert.consultation.asking.next_question import Certificate
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.moments import Moment
from facts.case import DENIED_TOGETHER
from facts.explanation import Status
from knowledge_base.model import KnowledgeBase
from reports.words.cleaning import clean
from reports.words.explaining import explain, progress_line
from reports.words.wording import lower_label, value_text

_MOST_TOLD = 8
_MOST_SOUGHT = 3


def progress(moment: Moment, knowledge: KnowledgeBase) -> str:
    """Say in one line what is decided, what is open, and how many questions are left."""
    return progress_line(standing(moment, bound=False), knowledge)


def standing(moment: Moment, *, bound: bool = True) -> Status:
    """Return where it stands; `bound` says how many questions can follow whatever is answered, which takes longer."""
    stands, left = moment.outline, questions_left(moment)
    is_open = bool(moment.prospect.raising)
    return Status(
        level=stands.level,
        ceiling=stands.ceiling,
        could_be=could_be(moment),
        is_decided=stands.decided,
        is_awaiting=stands.decided and not is_open and bool(moment.assessment.urgency.awaiting),
        is_open=is_open,
        signs=stands.signs,
        causes=stands.causes,
        pages=moment.screens,
        known=len(moment.told.case.findings),
        unknown=len(moment.told.unknown),
        questions_left=left,
        questions_at_most=max(left, questions_at_most(moment)) if left and bound else None,
    )


def could_be(moment: Moment) -> str:
    """Return the level up to which what is open could raise the urgency: of what is pertinent, or, asked for, of all."""
    stands = moment.outline
    if moment.questioner.thorough:
        return stands.ceiling
    return stands.could_rise_to or (stands.level if stands.decided else stands.ceiling)


def questions_left(moment: Moment) -> int:
    """Return how many questions can follow at most, if no answer opens others; the medicine lists are one."""
    prospect, listed = moment.prospect, moment.questioner.listed
    wanted = prospect.raising.keys() | prospect.deciding.keys()
    values = moment.known.values
    put = {name for name in wanted - listed if all(values.get(above) is True for above in moment.questioner.required(name))}
    return len(put) + bool(wanted & listed and not moment.known.lists_asked)


def questions_at_most(moment: Moment) -> int:
    """Return the most questions that whatever is answered can still lead to, unless something else is told."""
    known, listed = moment.known, moment.questioner.listed
    page = moment.next.questions if isinstance(moment.next, ScreenAsked) else ()
    foreseen = foresee(moment.questioner, known, moment.judgement, moment.prospect, page)
    return len(foreseen - listed) + bool(foreseen & listed and not known.lists_asked)


def pages_left(moment: Moment) -> int:
    """Return how many pages can follow the one in sight, if none of its answers opens further questions.

    An upper bound then: pages of one kind are filled, and answers that say nothing new only close questions.
    """
    asked, prospect, questioner = moment.next, moment.prospect, moment.questioner
    if isinstance(asked, Certificate):
        return 0
    most = questioner.paging.most or len(questioner.ancestors)
    paging, values, shown = questioner.paging, moment.known.values, {*moment.told.screens, asked.screen.id}
    wanted = prospect.raising.keys() | prospect.deciding.keys() | prospect.beside
    left = {
        name
        # What is left open of a page that is asked in full was not asked, and may come again.
        for name in wanted - questioner.listed - set(() if asked.in_full else asked.questions)
        if all(values.get(above) is True for above in questioner.required(name))
    }
    opening = [names for names in paging.interview.opening if names[0] not in shown]
    for names in opening:
        together = [paging.interview.screens[name] for name in names]
        whole = [name for screen in together for name in screen.ask if name in left]
        left -= set(() if any(screen.in_full for screen in together) else whole[:most])
    # What is asked only where something else is so comes on pages of its own, when everything else was asked.
    screens = paging.interview.screens.values()
    kinds = Counter((screen.by, name in prospect.later) for screen in screens for name in screen.ask if name in left)
    lists = bool(wanted & questioner.listed) and not moment.known.lists_asked and not asked.asks_medicines
    return len(opening) + sum(ceil(count / most) for count in kinds.values()) + lists


def page_reason(moment: Moment, asked: ScreenAsked, knowledge: KnowledgeBase) -> str:
    """Say in half a line what a page looks for: the dangers and causes that its answers bear on most."""
    if asked.in_full or not asked.questions:
        return ""
    targets: dict[str, int] = {}
    for name in asked.questions:
        for target in moment.prospect.targets.get(name, ()):
            targets[target] = targets.get(target, 0) + 1
    signs, causes = knowledge.warning_signs, knowledge.causes
    most = sorted(targets, key=lambda target: (target not in signs, -targets[target]))[:_MOST_SOUGHT]
    labels = [(signs[target] if target in signs else causes[target]).label for target in most]
    more = len(targets) - len(most)
    return f"Looks for: {'; '.join(labels)}{f'; {more} more' if more else ''}." if labels else ""


def status(moment: Moment, knowledge: KnowledgeBase) -> list[str]:
    """Say what stands: urgency, warning signs, the causes that are considered, and how much was answered."""
    return [line.plain() for line in explain(standing(moment), knowledge)]


def no_longer_standing(before: Moment, after: Moment, changed: Collection[str], knowledge: KnowledgeBase) -> list[str]:
    """Say which answers went with a change of others, because they mean nothing without them."""
    findings = knowledge.vocabulary.findings
    return [
        f"No longer recorded, because it depends on that: {findings[name].label} "
        f"({clean(value_text(findings[name], observed.value, observed.given))})"
        for name, observed in before.told.case.findings.items()
        if name not in after.told.case.findings and name not in changed and observed.origin in ("", DENIED_TOGETHER)
    ]


def why_stopped(certificate: Certificate, moment: Moment, knowledge: KnowledgeBase) -> list[str]:
    """Say the certificate: what nothing left to ask can change, and what answers of "unknown" keep open."""
    level = knowledge.levels[certificate.urgency].label
    screens = moment.screens
    promise = (
        f"none of the {certificate.remaining} remaining answers can raise the urgency, make another cause likely, or change "
        "which one leads."
        if certificate.thorough
        else "no question is left that could show a danger to look for in this patient, or bring another cause that something "
        "supports ahead of the leading one."
    )
    lines = [f"Stopped after {screens} screen{'s' * (screens != 1)}: {promise}"]
    leading = (
        "none is likely" if certificate.leading is None else f"the leading one is {knowledge.causes[certificate.leading].label}"
    )
    # An answer of "unknown" may hide more, which is told below; the verdict is that of the report.
    settled = moment.outline.decided and not certificate.thorough
    is_open = not settled and any(kept.conclusion == "urgency" for kept in certificate.kept_open)
    floor = f"at least {level}" if knowledge.level_rank[certificate.urgency] else "not decided"
    lines.append(f"Urgency: {floor if is_open else level}. Causes: {leading}.")
    if not certificate.thorough:
        lines += _looked_for(certificate, moment, knowledge)
    told = kept_open(certificate, moment, knowledge)
    lines += told[:_MOST_TOLD]
    if len(told) > _MOST_TOLD:
        lines.append(f"  … and {len(told) - _MOST_TOLD} other causes; type open to see all")
    return lines


def _looked_for(certificate: Certificate, moment: Moment, knowledge: KnowledgeBase) -> list[str]:
    """Say what was looked for, what was not because nothing suggests it, and what tests can show."""
    sought, not_sought = certificate.looked_for
    lines = [f"Looked for {sought} dangers; not for {not_sought} others, because nothing suggests them."]
    lines.append(f"{certificate.remaining} questions were not asked.")
    ordered = [step.do for step in moment.assessment.next_steps if step.kind == "test" and not step.done][:_MOST_SOUGHT]
    if ordered:
        lines.append(f"Tests that can show more: {' '.join(ordered)}")
    return lines


def kept_open(certificate: Certificate, moment: Moment, knowledge: KnowledgeBase) -> list[str]:
    """Say which answers of "unknown" keep which conclusion open, those first that matter most, and what it could become."""
    lines = ["What was answered “unknown” keeps open:"] if certificate.kept_open else []
    for kept in certificate.kept_open:
        names = moment.assessment.by_what_matters(kept.findings)
        named = ((name, knowledge.vocabulary.findings[name].label) for name in names)
        labels = "; ".join(f"the exact figure of {label}" if name in certificate.inexact else label for name, label in named)
        if kept.conclusion == "urgency":
            lines.append(f"  ? urgency, up to {knowledge.levels[kept.could_be].label}: {labels}")
        else:
            standing = lower_label(knowledge.grading.standings[kept.could_be])
            lines.append(f"  ? {knowledge.causes[kept.conclusion].label}, up to {standing}: {labels}")
    return lines
