"""The service that most of these tests call: open to anybody, on the shipped knowledge."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from expert.cds_hooks.clients import HookSettings
from expert.cds_hooks.routes import HookService, hooks_application
from expert.inference.assessing import Assessor
from tests.cds_hooks.calling import BASE


@pytest.fixture
def service(assessor: Assessor, tmp_path: Path) -> Iterator[HookService]:
    made = HookService(HookSettings(BASE, tmp_path / "feedback.sqlite"), assessor)
    yield made
    made.close()


@pytest.fixture
def client(service: HookService) -> Iterator[TestClient]:
    with TestClient(hooks_application(service)) as made:
        yield made
