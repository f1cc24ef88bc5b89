"""What all tests share: how Hypothesis runs, and why tests in the real kernel are skipped where they are."""

import pytest
from hypothesis import HealthCheck, settings
from tests.kernel.reach import out_of_reach

# The same examples each time, however fast the machine: no change fails by chance. Look for others now and then:
# make test ARGS="--hypothesis-profile exploring"
_QUICK_OR_SLOW = [HealthCheck.too_slow]
settings.register_profile("portwright", deadline=None, derandomize=True, suppress_health_check=_QUICK_OR_SLOW)
settings.register_profile("exploring", settings.get_profile("portwright"), derandomize=False)
settings.load_profile("portwright")


def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("kernel")
    if marker and (reason := next(filter(None, map(out_of_reach, ("nftables", *marker.args))), "")):
        pytest.skip(reason)
