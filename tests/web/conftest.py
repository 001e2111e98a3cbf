"""What the tests of the service share: one compiled consultation, and a service for each test."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from expert.consultation.moments import Consultation
from expert.inference.assessing import Assessor
from expert.web.access.shared import Shared
from tests.web.browsing import MADE, Browser, application, close, signed_in
from tests.web.serving import Served, serving


@pytest.fixture(scope="session")
def consultation(assessor: Assessor) -> Consultation:
    return Consultation(assessor)


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    while MADE:
        close(MADE.pop())


@pytest.fixture
def shared() -> Iterator[Shared]:
    with closing(Shared()) as shared:
        yield shared


@pytest.fixture
def service(consultation: Consultation, tmp_path: Path) -> Any:
    return application(consultation, tmp_path)


@pytest.fixture
def browser(service: Any) -> Browser:
    return signed_in(service)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running
