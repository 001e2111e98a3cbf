"""A knowledge base in another language: the same rules, ids and thresholds, with every sentence from a catalog.

The catalogs of a knowledge base stand in its folder `languages`, a .po file each. The context of a message is the id of what
it belongs to ("rule.hypokalemia-measured", "finding.vomiting.question"), so that equal words of two things can differ.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from facts.language.catalogs import Catalog, read_catalog
from facts.language.speaking import MARK
from facts.vocabulary import ChoiceFinding, Finding, Vocabulary, YesNoFinding
from knowledge_base.leaflet import Leaflet
from knowledge_base.model import Cause, Definition, KnowledgeBase, NextStep, Rule, WarningSign

Retelling: TypeAlias = Callable[[str, str], str]
"""Given the context of a message and its English text, returns what is said instead."""
SHIPPED = Path(__file__).parent / "languages"
_ON_LEAFLET = ("mark", "title", "awaiting", "no_cause", "help_says", "help_clinician")
"""What a leaflet says apart from verdicts, causes, signs and steps."""
_T = TypeVar("_T")


def knowledge_catalog(folder: Path | None, language: str) -> Catalog:
    """Return the catalog of the shipped knowledge base, or of the one in `folder`; an empty one where it has none."""
    return read_catalog((SHIPPED if folder is None else folder / "languages") / f"{language}.po")


def translate(knowledge: KnowledgeBase, catalog: Catalog) -> KnowledgeBase:
    """Return a knowledge base in the language of a catalog; what has no translation is in English, and marked as that."""

    def retell(context: str, text: str) -> str:
        translated = catalog.get(text, context)
        return MARK + text if translated is None else translated

    return _Retelling(knowledge, lambda context, text: retell(context, text) if text else text).knowledge()


def messages(knowledge: KnowledgeBase) -> tuple[tuple[str, str], ...]:
    """Return every sentence of a knowledge base after its context, each once."""
    found: dict[tuple[str, str], None] = {}

    def note(context: str, text: str) -> str:
        if text:
            found[context, text] = None
        return text

    _Retelling(knowledge, note).knowledge()
    return tuple(found)


class _Retelling:
    def __init__(self, knowledge: KnowledgeBase, retell: Retelling) -> None:
        self.base, self.retell = knowledge, retell

    def knowledge(self) -> KnowledgeBase:
        base, retell = self.base, self.retell
        complaint = base.complaint
        screens = {
            name: replace(
                screen,
                label=retell(f"screen.{name}.label", screen.label),
                lead_in=retell(f"screen.{name}.lead_in", screen.lead_in),
            )
            for name, screen in base.interview.screens.items()
        }
        levels = {
            name: replace(level, **{part: retell(f"level.{name}.{part}", getattr(level, part)) for part in ("label", "says")})
            for name, level in base.levels.items()
        }
        return replace(
            base,
            title=retell("title", base.title),
            complaint=complaint and replace(complaint, label=retell("complaint", complaint.label)),
            vocabulary=self.vocabulary,
            levels=levels,
            grading=replace(base.grading, standings=self.texts("standing", base.grading.standings)),
            categories=self.texts("category", base.categories),
            definitions=_frozen({name: self.definition(entry) for name, entry in base.definitions.items()}),
            warning_signs=_frozen({name: self.sign(sign) for name, sign in base.warning_signs.items()}),
            causes=_frozen({name: self.cause(cause) for name, cause in base.causes.items()}),
            next_steps=_frozen({name: self.step(step) for name, step in base.next_steps.items()}),
            plan=replace(base.plan, measuring=retell("plan.measuring", base.plan.measuring)),
            contradictions=_frozen(
                {
                    name: replace(entry, because=retell(f"contradiction.{name}", entry.because))
                    for name, entry in base.contradictions.items()
                }
            ),
            interview=replace(base.interview, screens=_frozen(screens)),
            leaflet=base.leaflet and self.leaflet(base.leaflet),
        )

    @cached_property
    def vocabulary(self) -> Vocabulary:
        vocabulary = self.base.vocabulary
        findings = {name: self.finding(finding) for name, finding in vocabulary.findings.items()}
        return Vocabulary(findings, self.texts("group", vocabulary.groups), vocabulary.places)

    def texts(self, kind: str, texts: Mapping[str, str]) -> Mapping[str, str]:
        return _frozen({name: self.retell(f"{kind}.{name}", text) for name, text in texts.items()})

    def finding(self, finding: Finding) -> Finding:
        def said(part: str, text: str) -> str:
            return self.retell(f"finding.{finding.id}.{part}", text)

        update: dict[str, Any] = {part: said(part, getattr(finding, part)) for part in ("label", "question", "help")}
        if isinstance(finding, YesNoFinding):
            update |= {part: said(part, getattr(finding, part)) for part in ("present", "absent")}
        elif isinstance(finding, ChoiceFinding):
            update["choices"] = {choice: said(f"choice.{choice}", clause) for choice, clause in finding.choices.items()}
        return replace(finding, **update)

    def definition(self, entry: Definition) -> Definition:
        says = tuple(
            self.retell(f"definition.{entry.id}.{truth}", clause)
            for truth, clause in zip(("true", "false"), entry.says, strict=True)
        )
        return replace(entry, label=self.retell(f"definition.{entry.id}.label", entry.label), says=(says[0], says[1]))

    def rule(self, rule: Rule) -> Rule:
        return replace(rule, because=self.retell(f"rule.{rule.id}", rule.because))

    def sign(self, sign: WarningSign) -> WarningSign:
        return replace(
            sign,
            label=self.retell(f"sign.{sign.id}.label", sign.label),
            rules=tuple(self.rule(rule) for rule in sign.rules),
            downgrades=tuple(self.rule(rule) for rule in sign.downgrades),
        )

    def cause(self, cause: Cause) -> Cause:
        return replace(
            cause,
            label=self.retell(f"cause.{cause.id}.label", cause.label),
            about=self.retell(f"cause.{cause.id}.about", cause.about),
            rules=tuple(self.rule(rule) for rule in cause.rules),
        )

    def leaflet(self, words: Leaflet) -> Leaflet:
        """Say the plain words; one sentence of several steps is one message, in the context of its part of the leaflet."""

        def several(part: str, texts: Iterable[str]) -> tuple[str, ...]:
            return tuple(self.retell(f"leaflet.{part}", text) for text in texts)

        def by_id(part: str, texts: Mapping[str, str]) -> Mapping[str, str]:
            return _frozen({name: self.retell(f"leaflet.{part}", text) for name, text in texts.items()})

        said = {part: self.retell(f"leaflet.{part}", getattr(words, part)) for part in _ON_LEAFLET}
        verdicts = {
            name: replace(
                verdict,
                **{part: self.retell(f"leaflet.verdict.{name}", getattr(verdict, part)) for part in ("decided", "open")},
            )
            for name, verdict in words.verdicts.items()
        }
        return Leaflet(
            **said,
            verdicts=_frozen(verdicts),
            standings=by_id("standing", words.standings),
            meanwhile=_frozen({level: several("meanwhile", texts) for level, texts in words.meanwhile.items()}),
            said_by=words.said_by,
            help_always=several("help", words.help_always),
            help_of_causes=by_id("help", words.help_of_causes),
            causes=by_id("cause", words.causes),
            warning_signs=by_id("warning_sign", words.warning_signs),
            you=by_id("you", words.you),
            doctor=by_id("doctor", words.doctor),
            not_told=words.not_told,
        )

    def step(self, step: NextStep) -> NextStep:
        measured = {self.retell(f"step.{step.id}.measure.{name}", name): finding for name, finding in step.measure.items()}
        do = self.retell(f"step.{step.id}.do", step.do)
        return replace(step, do=do, rule=self.rule(step.rule), measure=_frozen(measured))


def _frozen(entries: dict[str, _T]) -> Mapping[str, _T]:
    return MappingProxyType(entries)
