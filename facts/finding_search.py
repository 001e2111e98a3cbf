"""One search for findings, by any word that people use for them: id, label, synonym, code, and the words of the question."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facts.finding_names import Names, fold
from facts.vocabulary import Finding, Vocabulary

_EXACT, _BEGINS, _WITHIN, _ASKED = 100, 90, 80, 60
_ALIKE = 82
"""Of 100: how like a name a mistyped word must be. A match is only ever offered, so it may be wrong."""


@dataclass(frozen=True, slots=True)
class Match:
    """A finding that a search found, by which of its names, and how well: 100 is that very name."""

    finding: Finding
    name: str
    score: float


def search_findings(text: str, vocabulary: Vocabulary, limit: int = 10) -> tuple[Match, ...]:
    """Return the findings that `text` may mean, the best first.

    A name that is the text itself comes before names that begin with it, those before names that hold all its words in any
    order, then questions that do, and, only when nothing of this is found, names that are spelled nearly like it. A single
    letter finds what goes by it, and nothing else.
    """
    wanted = fold(text)
    if not wanted:
        return ()
    best: dict[str, Match] = {}
    names, parts = vocabulary.names, wanted.split()
    for name, words in names.words.items():
        score = _score(wanted, parts, name, words)
        for one in names.findings[name] if score else ():
            _keep(best, Match(vocabulary.findings[one], name, score))
    for one, words in names.questions.items():
        if len(wanted) > 1 and one not in best and _holds(words, parts):
            _keep(best, Match(vocabulary.findings[one], "", _ASKED))
    if not best:
        for match in _alike(wanted, names, vocabulary):
            _keep(best, match)
    order = {name: place for place, name in enumerate(vocabulary.findings)}
    ranked = sorted(best.values(), key=lambda match: (-match.score, len(match.name), order[match.finding.id]))
    return tuple(ranked[:limit])


def find_finding(text: str, vocabulary: Vocabulary) -> Finding | None:
    """Return the one finding that goes by the name `text`; None where none does, or several do."""
    wanted = fold(text)
    if (named := vocabulary.findings.get(wanted.replace(" ", "_"))) is not None:
        return named
    found = vocabulary.names.findings.get(wanted, ())
    return vocabulary.findings[found[0]] if len(found) == 1 else None


def suggest_finding(name: str, vocabulary: Vocabulary) -> str:
    """Suggest the finding that an unknown `name` may have meant, or how to see them all."""
    near = search_findings(name, vocabulary, 8)
    # A word of the question is too little to be worth a suggestion; what lies well behind the best is as well.
    near = tuple(match for match in near if match.score > max(_ASKED, near[0].score - 8))[:3]
    if not near:
        return "`charley findings SEARCH` finds findings by any word"
    return "did you mean " + " or ".join(match.finding.id for match in near) + "?"


def _score(wanted: str, parts: Sequence[str], name: str, words: Sequence[str]) -> float:
    if name == wanted:
        return _EXACT
    if len(wanted) == 1:
        return 0
    if name.startswith(wanted):
        return _BEGINS
    return _WITHIN if _holds(words, parts) else 0


def _holds(words: Sequence[str], parts: Sequence[str]) -> bool:
    return all(any(word.startswith(part) for word in words) for part in parts)


def _keep(best: dict[str, Match], match: Match) -> None:
    kept = best.get(match.finding.id)
    if kept is None or (match.score, -len(match.name)) > (kept.score, -len(kept.name)):
        best[match.finding.id] = match


def _alike(wanted: str, names: Names, vocabulary: Vocabulary) -> Iterator[Match]:
    from rapidfuzz import fuzz, process

    for name, score, _ in process.extract(wanted, sorted(names.findings), scorer=fuzz.ratio, limit=8, score_cutoff=_ALIKE):
        for one in names.findings[name]:
            # Never above a name that really holds the words.
            yield Match(vocabulary.findings[one], name, score * _WITHIN / _EXACT)
