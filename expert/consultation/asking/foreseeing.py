"""Which questions a consultation could still come to ask, whatever is answered: a bound, and no forecast.

Every question serves a danger that one looks for or a cause that something supports. What could make anybody look for a danger,
or support a cause, is itself asked or known; so the questions that can follow are found step by step, until none is added.
"""

from collections.abc import Collection, Iterator

from expert.consultation.asking.next_question import Questioner
from expert.consultation.asking.prospect import Known, Prospect
from knowledge_base.judging.judgement import Judgement, Outlook


def foresee(
    questioner: Questioner, known: Known, judgement: Judgement, prospect: Prospect, page: Collection[str] = ()
) -> frozenset[str]:
    """Return every finding that may still be asked for; `page` are the questions of the page in sight.

    Sound: a finding that is not among them is asked for by no page that follows, unless something is told that was not asked.
    """
    judge, verdicts = questioner.judge, questioner.verdicts
    answerable = questioner.answerable(known)
    if questioner.thorough:
        return answerable
    answerable = frozenset(
        name for name in answerable if name not in verdicts.only_if or not judgement.false(verdicts.only_if[name])
    )
    everything = judge.outlook(known.values, answerable)
    found = frozenset(prospect.raising.keys() | prospect.deciding.keys() | set(page))
    if not known.lists_asked:
        found |= questioner.listed
    if not known.results_asked:
        found |= questioner.tests & answerable
    while found:
        bits = 0
        for more in _wanted(questioner, judgement, judge.outlook(known.values, found), everything):
            bits |= more
        longer = found | (answerable & {*judge.findings_of(bits), *questioner.knowledge.interview.always})
        if longer == found:
            break
        found = longer
    return found


def _wanted(questioner: Questioner, judgement: Judgement, reached: Outlook, everything: Outlook) -> Iterator[int]:
    """Return what dangers and causes would ask for that could come to matter by what is `reached`."""
    floor = questioner.rank[questioner.verdicts.level(judgement)]
    highest = len(questioner.rank) - 1
    for danger in questioner.verdicts.dangers:
        if danger.rank > floor or danger.rank == highest:
            if danger.look_for is None or reached.can[danger.look_for]:
                yield everything.wanted[danger.position]
            else:
                yield everything.wanted[danger.look_for] & questioner.verdicts.always
    for _, rules in questioner.arguments:
        supported = [rule for rule in rules if rule.kind.startswith(("confirms", "supports"))]
        if any(judgement.true[rule.position] or reached.can[rule.position] for rule in supported):
            for rule in rules:
                yield everything.wanted[rule.position]
