"""What most tests share: the shipped knowledge base, how many examples Hypothesis tries, and a Chromium."""

import os
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from expert.inference.assessing import Assessor
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Reproducible by default, so that a failing run can be run again; HYPOTHESIS_PROFILE=search looks further.
settings.register_profile(
    "default", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.register_profile("search", max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# To follow every line of what is tried hundreds of times doubles its time, and finds hardly a line that no other test reaches.
NOT_FOLLOWED = (
    "tests/cds_hooks/test_damaged_requests.py",
    "tests/functional/test_end_of_a_run.py",
    "tests/generative/",
    "tests/knowledge/",
    "tests/reports/test_golden_reports.py",
    "tests/reports/test_one_page.py",
    "tests/unit/consultation/test_keystrokes.py",
    "tests/unit/facts/test_finding_search.py",
    "tests/unit/inference/test_forward_chaining.py",
    "tests/unit/inference/test_outline.py",
    "tests/web/test_foreign_files.py",
    "tests/web/test_in_chromium.py",
    "tests/web/test_malformed_requests.py",
    "tests/web/running/test_many_at_once.py",
)
LONGEST = (
    "tests/functional/test_engines.py",
    "tests/web/test_in_chromium.py",
    "tests/functional/test_evaluate.py",
    "tests/generative/test_consultation.py",
    "tests/web/test_pages.py",
    "tests/web/test_uploads.py",
    "tests/knowledge/test_snapshots.py",
    "tests/knowledge/test_invariants.py",
    "tests/generative/test_fhir_records.py",
    "tests/generative/test_planes.py",
    "tests/unit/inference/test_forward_chaining.py",
    "tests/web/running/test_workers.py",
    "tests/generative/test_interpreters_agree.py",
    "tests/web/test_malformed_requests.py",
)
"""Modules that take longest, which begin first: side by side, none of them is then left running alone at the end."""
PROCESSES_FOLLOWED = ("tests/web/running/", "tests/web/test_uploads.py")
"""Tests of what runs in processes of its own; what others start, tests of these modules call in theirs, or start as well."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {module: place for place, module in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.fixture(scope="module", autouse=True)
def following(request: pytest.FixtureRequest) -> Iterator[None]:
    """Follow for coverage what a module runs, and the processes that it starts; or do not."""
    # Where coverage is not installed, nothing is followed.
    coverage = sys.modules.get("coverage")
    current = coverage.Coverage.current() if coverage is not None else None
    if current is None:
        yield
        return
    is_followed = not request.node.nodeid.startswith(NOT_FOLLOWED)
    with pytest.MonkeyPatch.context() as patch:
        if not is_followed or not request.node.nodeid.startswith(PROCESSES_FOLLOWED):
            follow_no_process(patch)
        if not is_followed:
            current.stop()
        try:
            yield
        finally:
            if not is_followed:
                current.start()


def follow_no_process(patch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("COVERAGE_PROCESS")]:
        patch.delenv(name)


@pytest.fixture
def no_process_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes that coverage does not follow: for what takes them long."""
    follow_no_process(monkeypatch)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache folder of the tests' own, for this process and those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        # Hundreds of processes are started; where Python may keep nothing, each would compile every module again.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture(scope="session")
def knowledge() -> KnowledgeBase:
    return load_knowledge_base()


@pytest.fixture(scope="session")
def assessor(knowledge: KnowledgeBase) -> Assessor:
    return Assessor(knowledge)


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """A headless Chromium; closed after each module, because an open one leaves an event loop running in this thread."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium here; apt-get install chromium brings it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        # A container has no user namespaces for Chromium's sandbox; it opens nothing but our own pages.
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = running.chromium.launch(executable_path=found, args=options)
        yield browser
        browser.close()
