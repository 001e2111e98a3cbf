"""Which questions stand on the next page: the opening as it is declared, then what matters most, a handful at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from expert.consultation.asking.expecting import absences
from expert.consultation.asking.page import ScreenAsked, Section
from expert.consultation.asking.prospect import Known, Prospect
from facts.vocabulary import Value
from knowledge_base.interview import Screen, opens_a_page
from knowledge_base.model import KnowledgeBase

_COST = {"history": 0, "examination": 1, "test": 2}


class Paging:
    """Puts questions onto pages, for one knowledge base. Thread-safe once made."""

    def __init__(self, knowledge: KnowledgeBase, listed: Set[str]) -> None:
        """`listed` are the findings that the medicine lists decide."""
        self.findings, self.interview, self.listed = knowledge.vocabulary.findings, knowledge.interview, listed
        self.vocabulary = knowledge.vocabulary
        self.most = self.interview.most_questions
        self.absences = absences(knowledge)
        self.screen_of = {name: screen for screen in self.interview.screens.values() for name in screen.ask}

    def opening(self, known: Known, shown: Sequence[str], prospect: Prospect) -> ScreenAsked | None:
        """Return the page of the opening that comes next; None when it is over."""
        for names in self.interview.opening:
            if names[0] in shown:
                continue
            screens = [self.interview.screens[name] for name in names]
            sections = [section for screen in screens if (section := self._whole(screen, known, prospect))]
            if any(section.questions or section.screen.medicines for section in sections):
                return ScreenAsked(tuple(sections), any(section.screen.in_full for section in sections))
        return None

    def page(self, known: Known, prospect: Prospect, ahead: Callable[[Known], Prospect]) -> ScreenAsked | None:
        """Return the page with what matters most, and with what else can be found out in the same way; None for nothing.

        `ahead` looks ahead from what would be known. What is asked together is what would still matter after the
        answers to be expected: what the absence of one danger, or the presence of one sign, settles is not asked beside it.
        """
        asked = self._sections(known, prospect, prospect.later) or self._sections(known, prospect, frozenset())
        if not asked:
            return None
        first = min(asked, key=lambda section: self._worth(section, prospect))
        if first.screen.medicines:
            return ScreenAsked((first,))
        candidates = self._candidates(asked, first.screen.by, prospect)
        chosen = candidates if self.most is None else self._choose(candidates, self.most, known, prospect, ahead)
        return ScreenAsked(tuple(self._put_together(chosen)))

    def _choose(
        self, candidates: list[str], most: int, known: Known, prospect: Prospect, ahead: Callable[[Known], Prospect]
    ) -> list[str]:
        """Return what is worth asking together, looking ahead again after each half of what there is room for."""
        chosen: list[str] = []
        while candidates and len(chosen) < most:
            taken = self._take(candidates, prospect, (most - len(chosen) + 1) // 2)
            chosen += taken
            if len(chosen) == most or len(taken) == len(candidates):
                break
            known = replace(known, values={**known.values, **self._expected(taken, prospect)})
            prospect = ahead(known)
            wanted = {name for section in self._sections(known, prospect, prospect.later) for name in section.questions}
            candidates = [name for name in candidates if name in wanted and name not in chosen]
        return chosen

    def _candidates(self, asked: Sequence[Section], by: str, prospect: Prospect) -> list[str]:
        """Return what can be found out in one way, what matters most first."""
        names = [
            (self._question_worth(name, section.screen, prospect), name)
            for section in asked
            if section.screen.by == by and not section.screen.medicines
            for name in section.questions
        ]
        return [name for _, name in sorted(names, key=lambda entry: entry[0])]

    def _take(self, candidates: Sequence[str], prospect: Prospect, most: int) -> list[str]:
        """Return the first of the candidates; of those that only decide causes, one for each cause."""
        taken: list[str] = []
        sought: set[str] = set()
        for name in candidates:
            causes = () if name in prospect.raising else prospect.targets.get(name, ())
            if not causes or not sought.issuperset(causes):
                taken.append(name)
                sought.update(causes)
            if len(taken) == most:
                break
        return taken

    def _expected(self, names: Sequence[str], prospect: Prospect) -> dict[str, bool]:
        """Return the answers to expect of the signs among some findings."""
        return {
            name: (name in prospect.raising) is self._speaks_by_absence(name, prospect)
            for name in names
            if self.findings[name].kind == "yes_no"
        }

    def _speaks_by_absence(self, name: str, prospect: Prospect) -> bool:
        """Return whether what a sign bears on most is spoken for by its absence."""
        return any(name in self.absences[target] for target in prospect.targets.get(name, ())[:1])

    def _put_together(self, chosen: Sequence[str]) -> Iterator[Section]:
        """Put questions on the screens that ask them, the screen of what matters most first."""
        by_screen: dict[str, list[str]] = {}
        for name in chosen:
            by_screen.setdefault(self.screen_of[name].id, []).append(name)
        for screen, names in by_screen.items():
            order = self.interview.screens[screen].ask.index
            yield Section(self.interview.screens[screen], tuple(sorted(names, key=order)))

    def _sections(self, known: Known, prospect: Prospect, later: Set[str]) -> list[Section]:
        """Return every screen that has something to ask, without what is asked `later`."""
        sections = (self._asked(screen, known, prospect, later) for screen in self.interview.screens.values())
        return [section for section in sections if section]

    def _whole(self, screen: Screen, known: Known, prospect: Prospect) -> Section | None:
        if screen.medicines:
            return Section(screen) if not known.lists_asked else None
        if screen.results:
            return Section(screen) if not known.results_asked else None
        if screen.anything:
            return Section(screen)
        if screen.in_full:
            return Section(
                screen,
                tuple(name for name in screen.ask if self._is_open(name, known) and self._can_be_put(name, known.values)),
            )
        section = self._asked(screen, known, prospect, prospect.later)
        return section and Section(screen, self._most_important(section, prospect))

    def _asked(self, screen: Screen, known: Known, prospect: Prospect, later: Set[str]) -> Section | None:
        """Return a screen with its questions that matter, None where there is none."""
        if screen.results or screen.anything:
            return None
        if screen.medicines:
            matters = not known.lists_asked and any(self.listed & of.keys() for of in (prospect.raising, prospect.deciding))
            return Section(screen) if matters else None
        wanted = (prospect.raising.keys() | prospect.deciding.keys()) - later
        if not any(name in wanted and self._can_be_put(name, known.values) for name in screen.ask):
            return None
        worth = wanted | (prospect.beside - later)
        return Section(screen, tuple(name for name in screen.ask if name in worth and self._can_be_put(name, known.values)))

    def _is_open(self, name: str, known: Known) -> bool:
        return name not in known.values and name not in known.unknown

    def _can_be_put(self, name: str, values: Mapping[str, Value]) -> bool:
        needed = self.findings[name].requires
        return needed is None or values.get(needed) is True

    def _most_important(self, section: Section, prospect: Prospect) -> tuple[str, ...]:
        """Return the questions of a section that matter most, in its order; what was just opened comes with them."""
        most = self.most
        if most is None or len(section.questions) <= most:
            return section.questions
        ranked = sorted(section.questions, key=lambda name: self._question_worth(name, section.screen, prospect))
        kept = set(ranked[:most])
        return tuple(name for name in section.questions if name in kept)

    def _question_worth(self, name: str, screen: Screen, prospect: Prospect) -> tuple[int, ...]:
        return (
            -(name in prospect.raising and self._follows(name, screen)),
            -prospect.raising.get(name, 0),
            -prospect.nearest.get(name, 0),
            name not in self.interview.always,
            -prospect.weight.get(name, 0),
            -prospect.deciding.get(name, 0),
            screen.ask.index(name),
        )

    def _follows(self, name: str, screen: Screen) -> bool:
        """Return whether a question was opened by an answer that does not stand for many signs."""
        needed = self.findings[name].requires
        return needed is not None and not opens_a_page(needed, screen.ask, self.vocabulary)

    def _worth(self, section: Section, prospect: Prospect) -> tuple[int, ...]:
        names = tuple(self._names(section))
        highest = max((prospect.raising.get(name, 0) for name in names), default=0)
        deciding = sum(prospect.deciding.get(name, 0) for name in names)
        raising = sum(name in prospect.raising for name in names)
        follows = any(self._follows(name, section.screen) for name in section.questions if name in prospect.raising)
        # What the last answers opened comes first ("since when?"). Then what decides the urgency before what decides causes;
        # what is cheap before a test; then whatever could change most.
        return (-follows, -min(highest, 1), _COST[section.screen.by], -highest, -raising, -deciding)

    def _names(self, section: Section) -> Iterator[str]:
        yield from sorted(self.listed) if section.screen.medicines else section.questions
