"""An assessment with what the unverified readings of a record would set off: they can raise the urgency, and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from facts.assessment import Assessment, FindingUsed, OpenFindings, UnverifiedReading, Urgency
from facts.case import Case, Unverified
from facts.language.speaking import say
from facts.vocabulary import QuantityFinding, Vocabulary
from knowledge_base.judging.judgement import Judge, Judgement
from knowledge_base.judging.suspicion import Suspicion, suspicions
from knowledge_base.model import KnowledgeBase
from reports.words.wording import Sentence, finding_clause


def add_unverified(
    assessment: Assessment,
    case: Case,
    verified: Judgement,
    judge: Judge,
    knowledge: KnowledgeBase,
    sentence: Callable[[str], Sentence],
) -> Assessment:
    """Add the unverified readings of a case, and the warnings that they set off; `sentence` gives that of a rule."""
    found = list(suspicions(case, verified, judge, knowledge))
    readings = tuple(
        UnverifiedReading(
            _used(reading, knowledge.vocabulary),
            reading.reason,
            tuple(suspicion.rule.id for suspicion in found if reading in suspicion.readings),
        )
        for reading in case.unverified
    )
    said = {suspicion.rule.id: _because(suspicion, judge, sentence(suspicion.rule.id)) for suspicion in found}
    return replace(assessment, unverified=readings, urgency=_urgency(assessment.urgency, found, said, knowledge.level_rank))


def _used(reading: Unverified, vocabulary: Vocabulary) -> FindingUsed:
    finding, observed = vocabulary.findings[reading.finding], reading.observed
    unit = finding.unit if isinstance(finding, QuantityFinding) else None
    says = finding_clause(finding, observed.value, observed.given)
    return FindingUsed(reading.finding, observed.value, says, unit, observed.given or None, observed.origin or None)


def _urgency(urgency: Urgency, found: Sequence[Suspicion], said: Mapping[str, str], rank: Mapping[str, int]) -> Urgency:
    highest = max((suspicion.level for suspicion in found), key=rank.__getitem__, default=None)
    if highest is None or rank[highest] < rank[urgency.level]:
        return urgency
    at_highest = [suspicion for suspicion in found if suspicion.level == highest]
    because = tuple(dict.fromkeys(said[suspicion.rule.id] for suspicion in at_highest))
    if highest == urgency.level:
        return replace(urgency, because=(*urgency.because, *because))
    rising = tuple(warning for warning in urgency.could_rise if rank[warning.level] > rank[highest])
    repeated = dict.fromkeys(reading.finding for suspicion in at_highest for reading in suspicion.readings)
    open_ = urgency.open if rising else OpenFindings()
    return replace(
        urgency,
        level=highest,
        ceiling=max(highest, urgency.ceiling, key=rank.__getitem__),
        decided=urgency.decided or not rising,
        could_rise_to=urgency.could_rise_to if rising else None,
        # Whatever else is open, the results that it depends on have to be repeated.
        open=replace(open_, test=tuple(dict.fromkeys([*repeated, *open_.test]))),
        because=because,
        could_rise=rising,
        verified_level=urgency.level,
    )


def _because(suspicion: Suspicion, judge: Judge, sentence: Sentence) -> str:
    judgement = suspicion.judgement
    values = {name: observed.value for name, observed in suspicion.findings.items()}
    said = sentence.fill(suspicion.findings, values, lambda name: judgement.truth(judge.position[name]))
    sources = "; ".join(dict.fromkeys(f"{one.observed.origin}: {one.reason}" for one in suspicion.readings))
    return say("Unverified, repeat it ({sources}): {said}").format(sources=sources, said=said)
