"""Loading a knowledge base from a folder: every file read, every name, condition and source checked, every mistake told.

A knowledge base is the shipped one, or a folder with the same layout (`--knowledge FOLDER`). A folder that brings no
`findings/` speaks the shipped vocabulary with the shipped medicines; one that does brings its own `medicines.yaml` or has none.

Longer than other modules: reading, naming and parsing share one list of problems, so that all of them are told at once.
"""

import hashlib
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

import facts
from facts.medicines import MedicineDictionary, dictionary, load_medicines
from facts.problems import CharleyError, Place, Problem, did_you_mean
from facts.schema_reading import read_knowledge_file, validate
from facts.vocabulary import QuantityFinding, Vocabulary, load_vocabulary
from facts.yaml_reading import Document, KeyPath
from knowledge_base import invariants as proofs
from knowledge_base import schema
from knowledge_base.expression import ConditionError, Expression, Or, Scope, disjunction, names_used, parse
from knowledge_base.grading import Grading, parse_grade
from knowledge_base.interview import by_groups, declared, told_by_lists
from knowledge_base.model import (
    ANY_WARNING_SIGN,
    ArgumentKind,
    Cause,
    ComplaintShown,
    ContradictionRule,
    DecisionSupport,
    Definition,
    KnowledgeBase,
    NextStep,
    OrderAdvice,
    Rule,
    RuleKind,
    WarningSign,
)
from knowledge_base.templates import TemplateError, check_template

SHIPPED = Path(__file__).parent
CERTIFICATE = "certificate.json"
_SHIPPED_FACTS = Path(facts.__file__).parent
_ARGUMENT_KINDS: tuple[ArgumentKind, ...] = ("confirms", "supports", "opposes", "excludes")

Model = TypeVar("Model", bound=BaseModel)


def load_knowledge_base(folder: Path | None = None, shown: str = "", *, to_assess: bool = False) -> KnowledgeBase:
    """Load the shipped knowledge base, or the one in `folder`, which places call `shown`.

    `to_assess` leaves out the invariants, which say nothing of a single case. Raises CharleyError with every problem found.
    """
    return _Loader(folder, shown, to_assess).load()


class _Loader:
    def __init__(self, folder: Path | None, shown: str, to_assess: bool) -> None:
        self.to_assess = to_assess
        self.folder = folder or SHIPPED
        self.shown = shown or ("knowledge_base" if folder is None else str(folder))
        self.problems: list[Problem] = []
        self.files: dict[str, Path] = {}
        self.places: dict[str, Place] = {}
        self.rule_places: dict[str, Place] = {}
        self.documents: dict[str, Document] = {}

    def load(self) -> KnowledgeBase:
        if not self.folder.is_dir():
            problem = Problem(Place(self.shown), "there is no such knowledge folder", "check the path")
            raise CharleyError([problem])
        vocabulary, medicines = self.load_facts()
        manifest = self.read("knowledge.yaml", schema.Manifest)
        levels = self.read("urgency.yaml", schema.LevelFile, fall_back=True)
        grading = self.read("grading.yaml", schema.GradingFile, fall_back=True)
        evidence = self.read("evidence.yaml", schema.EvidenceFile)
        shared = self.read("definitions.yaml", schema.DefinitionFile, optional=True)
        signs = self.read("warning_signs.yaml", schema.WarningSignFile, optional=True)
        contradictions = self.read("contradictions.yaml", schema.ContradictionFile, optional=True)
        interview = self.read("interview.yaml", schema.InterviewFile, optional=True)
        hooks = self.read("cds_hooks.yaml", schema.DecisionSupportFile, optional=True)
        invariants = None if self.to_assess else self.read(proofs.FILE, schema.InvariantFile, optional=True)
        if self.to_assess and (self.folder / proofs.FILE).is_file():
            # They are part of what the hash is of, read or not.
            self.files[proofs.FILE] = self.folder / proofs.FILE
        causes = self.read_folder("causes", schema.CauseFile)
        steps = self.read_folder("next_steps", schema.NextStepFile)
        if manifest is None or levels is None or grading is None or evidence is None:
            raise CharleyError(sorted(set(self.problems)))
        build = _Builder(self, vocabulary, evidence, levels, manifest)
        if shared:
            build.declare_definitions(shared.definitions, "definitions.yaml")
        for name, file in causes.items():
            build.declare_definitions(file.definitions, name)
        build.declare_conclusions("warning_signs.yaml", "warning_signs", signs.warning_signs if signs else {})
        for name, file in causes.items():
            build.declare_conclusions(name, "causes", file.causes)
        build.parse_definitions()
        built_signs = build.signs(signs.warning_signs) if signs else {}
        build.group_signs(built_signs)
        built_causes = {cause.id: cause for name, file in causes.items() for cause in build.causes(name, file)}
        conditions = build.in_order(built_signs.values(), built_causes.values())
        built_steps = {step.id: step for name, steps_file in steps.items() for step in build.steps(name, steps_file)}
        built_contradictions = build.contradictions(contradictions) if contradictions else {}
        built_grading = build.grading(grading)
        built_support = build.decision_support(hooks) if hooks else None
        built_invariants = proofs.Invariants()
        if invariants:
            names = proofs.Names(vocabulary.findings, built_causes, grading.standings, levels.levels, built_steps)
            built_invariants = build.invariants(invariants, names)
        if interview:
            build.check_interview(interview, told_by_lists(vocabulary, medicines))
        build.check_manifest({name: file.category for name, file in causes.items()})
        if self.files.get("facts/medicines.yaml") == self.folder / "medicines.yaml" or self.folder == SHIPPED:
            build.check_medicine_sources(medicines)
        if (self.folder / "findings").is_dir() or self.folder == SHIPPED:
            build.check_finding_sources()
        if not self.problems:
            orders = built_support.orders.values() if built_support else ()
            build.check_templates(conditions, (*built_signs.values(), *built_causes.values()), built_steps.values(), orders)
        if self.problems or built_grading is None:
            raise CharleyError(sorted(set(self.problems)))
        categories = {file.category: file.label for file in causes.values()}
        ordered = [category for category in manifest.categories if category in categories]
        content_hash = self.content_hash()
        return KnowledgeBase(
            title=manifest.title,
            version=manifest.version,
            hash=content_hash,
            complaint=manifest.complaint,
            resemblances=tuple(manifest.resemblances),
            vocabulary=vocabulary,
            dictionary=medicines,
            levels=levels.levels,
            grading=built_grading,
            evidence=evidence.evidence,
            categories={category: categories[category] for category in ordered},
            definitions={name: build.definitions[name] for name in conditions if name in build.definitions},
            causes={cause.id: cause for category in ordered for cause in built_causes.values() if cause.category == category},
            warning_signs=built_signs,
            next_steps=built_steps,
            contradictions=built_contradictions,
            conditions=conditions,
            strata={name: tuple(sorted(cuts)) for name, cuts in manifest.strata.items()},
            interview=declared(interview) if interview else by_groups(vocabulary, medicines),
            decision_support=built_support,
            invariants=built_invariants,
            certificate=self.certificate(content_hash),
            files=tuple(sorted(self.files)),
        )

    def load_facts(self) -> tuple[Vocabulary, MedicineDictionary]:
        own = (self.folder / "findings").is_dir()
        findings = self.folder / "findings" if own else _SHIPPED_FACTS / "findings"
        shown = f"{self.shown}/findings" if own else "facts/findings"
        self.files.update({f"facts/findings/{path.name}": path for path in findings.glob("*.yaml")})
        vocabulary = load_vocabulary(findings, shown)
        self.places.update(vocabulary.places)
        medicines = self.folder / "medicines.yaml"
        if not medicines.is_file():
            if own:
                return vocabulary, dictionary({}, {}, {}, {})
            medicines = _SHIPPED_FACTS / "medicines.yaml"
        self.files["facts/medicines.yaml"] = medicines
        return vocabulary, load_medicines(medicines, "facts/medicines.yaml" if not own else str(medicines), vocabulary)

    def read(self, name: str, model: type[Model], *, optional: bool = False, fall_back: bool = False) -> Model | None:
        path, shown = self.folder / name, f"{self.shown}/{name}"
        if fall_back and not path.is_file():
            path, shown = SHIPPED / name, f"knowledge_base/{name}"
        if optional and not path.is_file():
            return None
        try:
            document = read_knowledge_file(path, shown)
            self.documents[name] = document
            self.files[name] = path
            return validate(model, document)
        except CharleyError as error:
            self.problems.extend(error.problems)
            return None

    def read_folder(self, folder: str, model: type[Model]) -> dict[str, Model]:
        read: dict[str, Model] = {}
        for path in sorted((self.folder / folder).glob("*.yaml")):
            name = f"{folder}/{path.name}"
            file = self.read(name, model)
            if file is not None:
                read[name] = file
        return read

    def content_hash(self) -> str:
        """Hash the name and content of every file, so that any change of knowledge shows, wherever the folder stands."""
        digest = hashlib.sha256()
        for name in sorted(self.files):
            content = self.files[name].read_bytes().replace(b"\r\n", b"\n")
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def certificate(self, content_hash: str) -> schema.CertificateFile | None:
        """Read what was proved of this very knowledge; a certificate of other knowledge, or a broken one, says nothing."""
        try:
            certificate = schema.CertificateFile.model_validate_json((self.folder / CERTIFICATE).read_bytes())
        except (OSError, ValueError):
            return None
        return certificate if certificate.hash == content_hash else None

    def problem(self, file: str, path: KeyPath, message: str, fix: str, *, of_key: bool = False) -> None:
        self.problems.append(Problem(self.documents[file].place(path, of_key=of_key), message, fix))


class _Builder:
    """Turns what was written into what is reasoned with, noting problems on the way instead of stopping at the first."""

    def __init__(
        self,
        loader: _Loader,
        vocabulary: Vocabulary,
        evidence: schema.EvidenceFile,
        levels: schema.LevelFile,
        manifest: schema.Manifest,
    ) -> None:
        self.loader, self.vocabulary, self.manifest = loader, vocabulary, manifest
        self.evidence, self.levels = evidence.evidence, levels.levels
        self.written: dict[str, tuple[str, KeyPath, schema.DefinitionEntry]] = {}
        self.definitions: dict[str, Definition] = {}
        self.conclusions: dict[str, Place] = {}
        self.scope = Scope(vocabulary.findings)

    # Names: findings, definitions, causes and warning signs share one namespace.

    def declare(self, name: str, file: str, path: KeyPath) -> bool:
        place = self.loader.documents[file].place(path, of_key=True)
        first = self.loader.places.setdefault(name, place)
        if first is not place:
            self.loader.problem(file, path, f"the name {name} already stands at {first}", "choose another", of_key=True)
        if name == ANY_WARNING_SIGN:
            self.loader.problem(file, path, f"the name {name} stands for all warning signs", "choose another", of_key=True)
        return first is place

    def declare_definitions(self, entries: Mapping[str, schema.DefinitionEntry], file: str) -> None:
        for name, entry in entries.items():
            if self.declare(name, file, ("definitions", name)):
                self.written[name] = (file, ("definitions", name), entry)

    def declare_conclusions(self, file: str, section: str, entries: Iterable[str]) -> None:
        for name in entries:
            if self.declare(name, file, (section, name)):
                self.conclusions[name] = self.loader.places[name]

    # Conditions

    def parse_definitions(self) -> None:
        self.scope = Scope(self.vocabulary.findings, frozenset(self.written))
        for name, (file, path, entry) in self.written.items():
            condition = self.condition(file, (*path, "when"), entry.when)
            place = self.loader.places[name]
            says = (entry.says[0], entry.says[1])
            sources = self.sources(file, path, entry.source)
            if condition is not None:
                self.definitions[name] = Definition(name, entry.label, condition, entry.when, says, sources, place)
        self.scope = Scope(self.vocabulary.findings, frozenset(self.written), frozenset(self.conclusions))

    def group_signs(self, signs: Iterable[str]) -> None:
        """Let what is read from here on name all warning signs at once."""
        names = tuple(signs)
        groups = {ANY_WARNING_SIGN: names} if names else {}
        self.scope = Scope(self.scope.findings, self.scope.definitions, self.scope.conclusions, groups)

    def condition(self, file: str, path: KeyPath, text: str) -> Expression | None:
        try:
            return parse(text, self.scope)
        except ConditionError as error:
            place = self.loader.documents[file].place(path)
            where = ".".join(str(part) for part in path[:-1])
            inside = Place(place.file, place.line, place.column + error.column)
            self.loader.problems.append(Problem(inside, f"{where}: {error.message}", error.fix))
            return None

    def sources(self, file: str, path: KeyPath, written: str | list[str] | None) -> tuple[str, ...]:
        keys = () if written is None else (written,) if isinstance(written, str) else tuple(written)
        for key in keys:
            if key not in self.evidence:
                fix = did_you_mean(key, self.evidence) or "add it to evidence.yaml"
                self.loader.problem(file, (*path, "source"), f"{path[-1]}: the source {key} is not in evidence.yaml", fix)
        return keys

    def level(self, file: str, path: KeyPath, level: str | None) -> str | None:
        if level is not None and level not in self.levels:
            fix = did_you_mean(level, self.levels) or f"use {' or '.join(self.levels)}"
            self.loader.problem(file, (*path, "level"), f"{path[-1]}: {level} is not a level of urgency", fix)
            return None
        return level

    # Rules

    def rule(
        self,
        file: str,
        path: KeyPath,
        kind: RuleKind,
        target: str,
        entry: schema.ArgumentEntry,
        level: str | None = None,
    ) -> Rule | None:
        name = str(path[-1])
        place = self.loader.documents[file].place(path, of_key=True)
        first = self.loader.rule_places.setdefault(name, place)
        if first is not place:
            self.loader.problem(
                file, path, f"the rule {name} already stands at {first}", "a rule's id is used once", of_key=True
            )
        if name in self.manifest.retired:
            self.loader.problem(file, path, f"the rule id {name} is retired", "choose an id that was never used", of_key=True)
        sources = self.sources(file, path, entry.source)
        condition = self.condition(file, (*path, "when"), entry.when)
        if condition is None:
            return None
        strength = entry.strength if isinstance(entry, schema.WeighedArgumentEntry) else None
        return Rule(name, kind, target, condition, entry.when, entry.because, sources, place, strength, level)

    def signs(self, entries: Mapping[str, schema.WarningSignEntry]) -> dict[str, WarningSign]:
        file = "warning_signs.yaml"
        ranks = list(self.levels)
        signs: dict[str, WarningSign] = {}
        for name, entry in entries.items():
            path: KeyPath = ("warning_signs", name)
            least = self.level(file, path, entry.level) or ranks[0]
            rules: list[Rule | None] = []
            for rule_name, rule_entry in entry.rules.items():
                rule_path = (*path, "rules", rule_name)
                level = self.level(file, rule_path, rule_entry.level) or least
                if ranks.index(level) < ranks.index(least):
                    message = f"{rule_name}: {level} is lower than the {least} of {name}"
                    self.loader.problem(file, (*rule_path, "level"), message, "a rule may only raise the sign's level")
                rules.append(self.rule(file, rule_path, "warns", name, rule_entry, level))
            signs[name] = WarningSign(name, entry.label, least, _present(rules), self.loader.places[name])
        return signs

    def causes(self, name: str, file: schema.CauseFile) -> Iterable[Cause]:
        for cause, entry in file.causes.items():
            path: KeyPath = ("causes", cause)
            rules = [
                self.rule(name, (*path, kind, rule), kind, cause, argument)
                for kind in _ARGUMENT_KINDS
                for rule, argument in getattr(entry, kind).items()
            ]
            if not entry.confirms and not entry.supports:
                self.loader.problem(name, path, f"{cause}: nothing speaks for it", "add `confirms` or `supports`", of_key=True)
            place = self.loader.places[cause]
            yield Cause(cause, entry.label, file.category, entry.codes, entry.about, _present(rules), place)

    def steps(self, name: str, file: schema.NextStepFile) -> Iterable[NextStep]:
        for step, entry in file.next_steps.items():
            path: KeyPath = ("next_steps", step)
            for answered in entry.answers:
                if answered not in self.vocabulary.findings:
                    fix = self.vocabulary.suggest(answered)
                    self.loader.problem(name, (*path, "answers"), f"{step}: {answered} is not a finding", fix)
            level = self.level(name, path, entry.level)
            rule = self.rule(name, path, "advises", step, entry, level)
            if rule is not None:
                yield NextStep(step, entry.kind, entry.do, rule, level, tuple(entry.answers), entry.codes)

    def contradictions(self, file: schema.ContradictionFile) -> dict[str, ContradictionRule]:
        contradictions: dict[str, ContradictionRule] = {}
        for name, entry in file.contradictions.items():
            path: KeyPath = ("contradictions", name)
            condition = self.condition("contradictions.yaml", (*path, "when"), entry.when)
            if condition is not None:
                place = self.loader.documents["contradictions.yaml"].place(path, of_key=True)
                contradictions[name] = ContradictionRule(name, condition, entry.because, place)
        return contradictions

    def decision_support(self, file: schema.DecisionSupportFile) -> DecisionSupport:
        name = "cds_hooks.yaml"
        if self.manifest.complaint is None:
            message = "cards are about a complaint, and knowledge.yaml declares none"
            self.loader.problem(name, ("complaint",), message, "declare `complaint` there", of_key=True)
        for section in ("indicators", "priorities"):
            told: Mapping[str, str] = getattr(file, section)
            for level in told:
                if level not in self.levels:
                    fix = did_you_mean(level, self.levels) or f"use {' and '.join(self.levels)}"
                    self.loader.problem(name, (section, level), f"{level} is not a level of urgency", fix, of_key=True)
            if missing := [level for level in self.levels if level not in told]:
                self.loader.problem(name, (section,), f"{section}: nothing for {' and '.join(missing)}", "add it", of_key=True)
        shown = file.complaint
        condition = None if shown.when is None else self.condition(name, ("complaint", "when"), shown.when)
        complaint = ComplaintShown(condition, shown.codes, tuple(shown.phrases), tuple(shown.not_with))
        orders: dict[str, OrderAdvice] = {}
        for rule_name, entry in file.orders.items():
            path: KeyPath = ("orders", rule_name)
            rule = self.rule(name, path, "advises", rule_name, entry)
            if rule is not None:
                orders[rule_name] = OrderAdvice(entry.summary, entry.indicator, rule)
        return DecisionSupport(
            file.services,
            complaint,
            file.readings_within_days,
            file.indicators,
            file.priorities,
            orders,
            file.override_reasons,
        )

    def invariants(self, file: schema.InvariantFile, names: proofs.Names) -> proofs.Invariants:
        for name, entry in file.invariants.items():
            self.sources(proofs.FILE, ("invariants", name), entry.source)

        def place(path: KeyPath) -> Place:
            return self.loader.documents[proofs.FILE].place(path, of_key=True)

        return proofs.declared(file, names, self.condition, self.loader.problem, place)

    def grading(self, file: schema.GradingFile) -> Grading | None:
        grades: list[tuple[str, Expression]] = []
        for index, grade in enumerate(file.grades):
            path: KeyPath = ("grades", index, "when")
            try:
                grades.append((grade.standing, parse_grade(grade.when)))
            except ConditionError as error:
                self.loader.problem("grading.yaml", path, error.message, error.fix)
        for standing in (*(name for name, _ in grades), file.otherwise, file.likely, file.considered):
            if standing not in file.standings:
                fix = did_you_mean(standing, file.standings) or "declare it"
                self.loader.problem("grading.yaml", ("grades",), f"{standing} is not among the standings", fix)
        return Grading(file.standings, tuple(grades), file.otherwise, file.likely, file.considered)

    # What can be judged only when everything is read

    def in_order(self, signs: Iterable[WarningSign], causes: Iterable[Cause]) -> dict[str, Expression]:
        """Order definitions and conclusions so that each stands after what it names; a circle is a problem."""
        conditions: dict[str, Expression] = {name: entry.condition for name, entry in self.definitions.items()}
        conclusions: list[WarningSign | Cause] = [*signs, *causes]
        for conclusion in conclusions:
            for_it = [rule.condition for rule in conclusion.rules if rule.kind in ("warns", "confirms", "supports")]
            conditions[conclusion.id] = disjunction(for_it) if for_it else Or(())
        graph = {name: dict.fromkeys(n for n in names_used(tree) if n in conditions) for name, tree in conditions.items()}
        try:
            return {name: conditions[name] for name in TopologicalSorter(graph).static_order()}
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            place = self.loader.places[circle[0]]
            message = f"{' → '.join(circle)}: these rest on each other in a circle"
            self.loader.problems.append(Problem(place, message, "break it"))
            return {}

    def check_templates(
        self,
        conditions: Mapping[str, Expression],
        conclusions: Iterable[WarningSign | Cause],
        steps: Iterable[NextStep],
        orders: Iterable[OrderAdvice],
    ) -> None:
        rules = [rule for conclusion in conclusions for rule in conclusion.rules]
        rules += [*(step.rule for step in steps), *(order.rule for order in orders)]
        for rule in rules:
            try:
                check_template(rule.because, rule.condition, conditions)
            except TemplateError as error:
                self.loader.problems.append(Problem(rule.place, f"{rule.id}: because: {error}", ""))

    def check_interview(self, file: schema.InterviewFile, listed: frozenset[str]) -> None:
        """Note the screens and questions that are not there, and the questions that stand twice or that a list answers."""
        first: dict[str, str] = {}
        for index, name in enumerate(file.opening):
            if name not in file.screens:
                fix = did_you_mean(name, file.screens) or "declare it under screens"
                self.loader.problem("interview.yaml", ("opening", index), f"{name} is not a screen", fix)
        for screen, entry in file.screens.items():
            for index, name in enumerate(entry.ask):
                path: KeyPath = ("screens", screen, "ask", index)
                if name not in self.vocabulary.findings:
                    fix = self.vocabulary.suggest(name)
                    self.loader.problem("interview.yaml", path, f"{screen}: {name} is not a finding", fix)
                elif name in listed:
                    self.loader.problem("interview.yaml", path, f"{screen}: the medicine lists tell {name}", "remove it here")
                elif first.setdefault(name, screen) != screen or entry.ask.index(name) != index:
                    self.loader.problem(
                        "interview.yaml", path, f"{screen}: {name} is asked already, on {first[name]}", "ask it once"
                    )
            for index, name in enumerate(entry.each):
                if name not in entry.ask:
                    path = ("screens", screen, "each", index)
                    self.loader.problem("interview.yaml", path, f"{screen}: {name} is not asked here", "add it to ask")

    def check_manifest(self, categories: Mapping[str, str]) -> None:
        for file, category in categories.items():
            if category not in self.manifest.categories:
                fix = did_you_mean(category, self.manifest.categories) or "add it to knowledge.yaml"
                self.loader.problem(file, ("category",), f"the category {category} is not in knowledge.yaml", fix)
        for category in self.manifest.resemblances:
            if category not in self.manifest.categories:
                message = f"{category} is not among the categories"
                self.loader.problem("knowledge.yaml", ("resemblances",), message, "add it to `categories`")
        for name, cuts in self.manifest.strata.items():
            finding = self.vocabulary.findings.get(name)
            if finding is None or (finding.kind == "quantity") is not bool(cuts):
                message = f"{name} cannot split a cohort so"
                fix = "name a finding that is declared; a quantity needs the numbers to cut at, another finding none"
                self.loader.problem("knowledge.yaml", ("strata", name), message, fix, of_key=True)
        complaint = self.manifest.complaint
        if complaint is not None and complaint.definition not in self.written:
            fix = did_you_mean(complaint.definition, self.written) or "declare it"
            path = ("complaint", "definition")
            self.loader.problem("knowledge.yaml", path, f"{complaint.definition} is not a definition", fix)

    def check_medicine_sources(self, medicines: MedicineDictionary) -> None:
        for name, group in medicines.classes.items():
            for key in [group.source] if isinstance(group.source, str) else group.source:
                if key not in self.evidence:
                    fix = did_you_mean(key, self.evidence) or "add it to evidence.yaml"
                    message = f"{name}: the source {key} is not in evidence.yaml"
                    self.loader.problems.append(Problem(medicines.places[name], message, fix))

    def check_finding_sources(self) -> None:
        for name, finding in self.vocabulary.findings.items():
            for cited in (finding.reference, finding.derived) if isinstance(finding, QuantityFinding) else ():
                written = () if cited is None else cited.source
                for key in [written] if isinstance(written, str) else written:
                    if key not in self.evidence:
                        fix = did_you_mean(key, self.evidence) or "add it to evidence.yaml"
                        message = f"{name}: the source {key} is not in evidence.yaml"
                        self.loader.problems.append(Problem(self.vocabulary.places[name], message, fix))


def _present(rules: Iterable[Rule | None]) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule is not None)
