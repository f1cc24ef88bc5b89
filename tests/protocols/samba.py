"""Samba's clients, kept away from the machine's own Samba, against servers of ours at their true ports."""

import os
import shutil
import socket
import subprocess

import pytest

# An address of loopback whose low ports nobody else serves: tests that run at the same time have their own.
SERVER = f"127.{200 + os.getpid() // 62500 % 50}.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
_PLACES = ("lock directory", "state directory", "cache directory", "private dir", "pid directory", "ncalrpc dir")


def samba(folder, command, *words, patience=60):
    """Run one of Samba's clients; its status, and all that it said. Skips where that is not possible."""
    if not shutil.which(command):
        pytest.skip(f"{command} is not installed")
    settings = folder / "smb.conf"
    lines = [f"{place} = {folder / place.split()[0]}" for place in _PLACES]
    for place in _PLACES:
        (folder / place.split()[0]).mkdir(exist_ok=True)
    settings.write_text("\n".join(["[global]", "interfaces = lo", "client min protocol = NT1", *lines]) + "\n")
    run = [command, "-s", str(settings), *words]
    ran = subprocess.run(run, capture_output=True, text=True, timeout=patience, check=False)
    return ran.returncode, ran.stdout + ran.stderr


@pytest.fixture
def low_ports():
    """Skips where this user may not serve low ports on loopback."""
    with socket.socket() as made:
        try:
            made.bind((SERVER, 135))
        except OSError as problem:
            pytest.skip(f"low ports of loopback cannot be served here: {problem}")
