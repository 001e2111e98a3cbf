"""What most tests share: the shipped knowledge base, and how many examples Hypothesis tries."""

import os

import pytest
from hypothesis import HealthCheck, settings

from expert.inference.assessing import Assessor
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase

# Reproducible by default, so that a failing run can be run again; HYPOTHESIS_PROFILE=search looks further.
settings.register_profile(
    "default", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.register_profile("search", max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def knowledge() -> KnowledgeBase:
    return load_knowledge_base()


@pytest.fixture(scope="session")
def assessor(knowledge: KnowledgeBase) -> Assessor:
    return Assessor(knowledge)
