"""Runs a program in a network of its own, for real servers at their true ports; nothing of it outlives it."""

import os
import subprocess
import sys

import pytest

HERE, THERE = "10.9.9.1", "10.9.9.2"  # two addresses of the one host there: a server's, and ours
_OWN = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
_NETWORK = f"""\
set -e
mount -t tmpfs none /run
ip link set lo up
ip address add {HERE}/24 dev lo
ip address add {THERE}/24 dev lo
exec "$@"
"""


def alone(file, *words, patience=240, **environment):
    """What a Python file prints that runs there with these words. Skips where this user may not."""
    if os.geteuid() != 0:
        pytest.skip("a network of its own, with servers at their true ports, needs root")
    command = [*_OWN, "sh", "-c", _NETWORK, "sh", sys.executable, str(file), *map(str, words)]
    environment = os.environ | {"PYTHONPATH": ":".join(sys.path)} | environment
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=patience, check=False, env=environment, start_new_session=True
    )
    if "unshare failed" in ran.stderr:
        pytest.skip(f"namespaces may not be made here: {ran.stderr.strip()}")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
