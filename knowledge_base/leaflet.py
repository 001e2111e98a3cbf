"""What patients are told in plain words (leaflet.yaml): of verdicts, causes, warning signs and steps, and when to call."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facts.problems import did_you_mean
from knowledge_base.declarations import LeafletVerdict

if TYPE_CHECKING:
    from knowledge_base.entries import Context, KnowledgeFile, Node
    from knowledge_base.schema import LeafletFile


@dataclass(frozen=True, slots=True)
class Leaflet:
    """Plain words by the id of what they stand for; `you` and `doctor` are by step. `mark` says who checked them."""

    mark: str
    title: str
    verdicts: Mapping[str, LeafletVerdict]
    awaiting: str
    standings: Mapping[str, str]
    no_cause: str
    meanwhile: Mapping[str, tuple[str, ...]]
    help_says: str
    help_clinician: str
    said_by: frozenset[str]
    """Next steps that say already when to call."""
    help_always: tuple[str, ...]
    help_of_causes: Mapping[str, str]
    causes: Mapping[str, str]
    warning_signs: Mapping[str, str]
    you: Mapping[str, str]
    doctor: Mapping[str, str]
    not_told: frozenset[str]


def build_leaflet(
    context: "Context", file: "KnowledgeFile[LeafletFile] | None", names: Mapping[str, Collection[str]]
) -> Leaflet | None:
    """Build the plain words, or None; `names` are the ids of all causes, warning signs, next steps and standings."""
    if file is None:
        return None
    content = file.content
    names = {**names, "verdicts": context.levels, "meanwhile": context.levels}
    for section, known in names.items():
        if section != "next_steps":
            _check(context, known, (file.node(section, name) for name in getattr(content, section)))
    _check(context, names["next_steps"], (file.node("help", "said_by", name) for name in content.help.said_by))
    _check(context, names["causes"], (file.node("help", "causes", name) for name in content.help.causes))
    if missing := [level for level in context.levels if level not in content.verdicts]:
        context.problems.add(file.node("verdicts").key_place, f"verdicts: nothing for {' and '.join(missing)}", "add it")
    _check_steps(context, file, names["next_steps"])
    return Leaflet(
        mark=content.mark,
        title=content.title,
        verdicts=content.verdicts,
        awaiting=content.awaiting,
        standings=content.standings,
        no_cause=content.no_cause,
        meanwhile={level: tuple(said) for level, said in content.meanwhile.items()},
        help_says=content.help.says,
        help_clinician=content.help.clinician,
        said_by=frozenset(content.help.said_by),
        help_always=tuple(content.help.always),
        help_of_causes=content.help.causes,
        causes=content.causes,
        warning_signs=content.warning_signs,
        you={step: group.says for group in content.you for step in group.steps},
        doctor={step: group.says for group in content.doctor for step in group.steps},
        not_told=frozenset(content.not_told),
    )


def _check(context: "Context", known: Collection[str], nodes: "Iterator[Node]") -> None:
    for node in nodes:
        if node.id not in known:
            fix = did_you_mean(node.id, known) or "remove it"
            context.problems.add(node.key_place, f"there is no {node.id} to say this of", fix)


def _check_steps(context: "Context", file: "KnowledgeFile[LeafletFile]", known: Collection[str]) -> None:
    """Note the steps that are not there, and those that are told of twice."""
    groups = (("you", file.content.you), ("doctor", file.content.doctor))
    places = [
        (step, file.node(section, number, "steps", index))
        for section, group in groups
        for number, entry in enumerate(group)
        for index, step in enumerate(entry.steps)
    ]
    places += [(step, file.node("not_told", index)) for index, step in enumerate(file.content.not_told)]
    told = set[str]()
    for step, node in places:
        if step not in known:
            fix = did_you_mean(step, known) or "remove it"
            context.problems.add(node.place, f"{step} is not a next step", fix)
        elif step in told:
            context.problems.add(node.place, f"{step} is told of twice", "say it once")
        told.add(step)
