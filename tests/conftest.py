"""What all tests share: how Hypothesis runs, and why tests in the real kernel are skipped where they are."""

import os

import pytest
from hypothesis import settings
from tests.kernel.reach import out_of_reach

settings.register_profile("portwright", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("portwright")


def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("kernel")
    if marker and (reason := next(filter(None, map(out_of_reach, ("nftables", *marker.args))), "")):
        pytest.skip(reason)
