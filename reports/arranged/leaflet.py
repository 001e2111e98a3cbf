"""An assessment for the patient, on half a page: how soon, what it may be, what to do, what comes next, when to call for help.

Its words are knowledge (leaflet.yaml); here they are only chosen. Of the case itself it repeats nothing but the name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from facts.assessment import Assessment, CauseAssessed
from knowledge_base.leaflet import Leaflet
from knowledge_base.model import KnowledgeBase
from reports.arranged.page import knowledge_line
from reports.words.cleaning import clean

_REASONS = 2
_CAUSES = 2
_TO_DO = 4
_NEXT = 4


class NoLeaflet(Exception):
    """This knowledge base has no words for patients; the text says what to do."""


@dataclass(frozen=True, slots=True)
class LeafletShown:
    """What stands on a leaflet, in its order; `lead_in` stands before the causes and says how sure they are."""

    title: str
    level: str
    verdict: str
    because: tuple[str, ...]
    lead_in: str
    causes: tuple[str, ...]
    to_do: tuple[str, ...]
    then: tuple[str, ...]
    help_says: str
    help: tuple[str, ...]
    mark: str
    case: str
    knowledge: str


def leaflet(assessment: Assessment, knowledge: KnowledgeBase) -> LeafletShown:
    """Return the leaflet of an assessment made with this knowledge base. Raises NoLeaflet."""
    words, urgency = knowledge.leaflet, assessment.urgency
    if words is None:
        raise NoLeaflet(f"{knowledge.title}: this knowledge base has no words for patients; add leaflet.yaml to it")
    steps = [step.id for step in assessment.next_steps if not step.done]
    causes = _causes(assessment, words)
    to_do = [*_once(words.you, steps), *words.meanwhile.get(urgency.level, ())]
    return LeafletShown(
        title=words.title,
        level=urgency.level,
        verdict=_verdict(assessment, words),
        because=_reasons(assessment, words, knowledge),
        lead_in=words.standings[causes[0].standing] if causes else words.no_cause,
        causes=tuple(words.causes[cause.id] for cause in causes),
        to_do=tuple(to_do[:_TO_DO]),
        then=tuple(_once(words.doctor, steps)[:_NEXT]),
        help_says=words.help_says,
        help=(*words.help_always, *_once(words.help_of_causes, (cause.id for cause in causes))),
        mark=words.mark,
        case=clean(assessment.case),
        knowledge=knowledge_line(knowledge).removesuffix("."),
    )


def _verdict(assessment: Assessment, words: Leaflet) -> str:
    urgency = assessment.urgency
    verdict = words.verdicts[urgency.level]
    if not urgency.decided:
        return verdict.open
    awaited = urgency.awaiting or urgency.verified_level is not None
    return f"{verdict.decided} {words.awaiting}" if awaited else verdict.decided


def _reasons(assessment: Assessment, words: Leaflet, knowledge: KnowledgeBase) -> tuple[str, ...]:
    """Return in plain words the warning signs that demand the level of the verdict, or the highest that are left."""
    rank = knowledge.level_rank
    by_rank = sorted(assessment.warning_signs, key=lambda sign: -rank[sign.level])
    demanding = [sign.id for sign in by_rank if sign.level == by_rank[0].level]
    return tuple(_once(words.warning_signs, demanding)[:_REASONS])


def _causes(assessment: Assessment, words: Leaflet) -> list[CauseAssessed]:
    """Return the leading causes of the best standing: what is only possible is not told beside what is likely."""
    told = [cause for cause in assessment.causes if cause.standing in words.standings and cause.id in words.causes]
    return [cause for cause in told if cause.standing == told[0].standing][:_CAUSES]


def _once(words: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """Return what is said of these names, each sentence once."""
    return list(dict.fromkeys(words[name] for name in names if name in words))
