"""What the tests of reports share: every example and scenario assessed once."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from expert.inference.assessing import Assessor
from facts.assessment import Assessment
from facts.intake.case_files import read_case_files
from knowledge_base.model import KnowledgeBase
from tests.knowledge.test_scenarios import CASE, scenarios

EXAMPLES = Path(__file__).parents[2] / "facts" / "examples"


@pytest.fixture(scope="session")
def assessments(
    assessor: Assessor, knowledge: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Assessment]:
    told = [{"case": name, **{key: one[key] for key in CASE if key in one}} for name, one in scenarios().items()]
    file = tmp_path_factory.mktemp("scenarios") / "scenarios.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    intake = read_case_files([EXAMPLES, file], knowledge.vocabulary, knowledge.dictionary)
    assert not intake.refusals
    return {case.name: assessor.assess(case) for case, _ in intake.cases}
