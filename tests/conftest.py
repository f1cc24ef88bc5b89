"""What all tests share: how Hypothesis runs, and why tests in the real kernel are skipped where they are."""

import functools
import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import settings

settings.register_profile("portwright", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("portwright")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("kernel") and (reason := kernel_out_of_reach()):
        pytest.skip(reason)


@functools.cache
def kernel_out_of_reach() -> str:
    """Why no rules can be loaded into a kernel here; empty where they can."""
    if sys.platform != "linux":
        return "needs Linux"
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where an ordinary user does not look
    missing = [program for program in ("nft", "ip", "unshare") if not shutil.which(program)]
    if missing:
        return f"not installed: {', '.join(missing)}"
    tried = subprocess.run(["unshare", "--net", "nft", "list", "ruleset"], capture_output=True, text=True, check=False)
    return f"no right to make network namespaces: {tried.stderr.strip()}" if tried.returncode else ""
