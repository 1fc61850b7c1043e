"""Fixtures: the payment provider as a process, one for each file."""

from collections.abc import Iterator

import pytest
from tests.stripe_server.running import StripeServer, stripe_server


@pytest.fixture(scope="module")
def stripe() -> Iterator[StripeServer]:
    """Its customers are those of each test's own organization."""
    with stripe_server() as server:
        yield server
