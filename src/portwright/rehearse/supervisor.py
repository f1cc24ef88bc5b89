"""The namespaces of a rehearsal: started in them, looked for from outside, and entered.

They are those of the network, mounts and processes, and of users where somebody other than root starts it. The kernel
takes them back with the process that started them, whatever ends it.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from portwright.errors import InvalidInput, NotPossibleHere

SWITCH = "(switch)"  # the namespace that has the segments, as bridges; no host can be called so
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_INSIDE = "PORTWRIGHT_REHEARSAL"  # environment variable: the namespaces of whoever started the rehearsal
_SITE = "PORTWRIGHT_REHEARSAL_SITE"  # environment variable: the site file of the lab, for those who want to enter it
NAMES = Path("/run/portwright-nodes.json")  # the namespace of each node, for them, too
_MODULES = "PORTWRIGHT_REHEARSAL_MODULES"  # environment variable: where this Python finds its modules, and nowhere else
# `python -m` would look for modules in the present folder first, which may be anybody's.
_AS_MODULE = f"""import os, runpy, sys
sys.path[:] = os.environ["{_MODULES}"].split(os.pathsep)
sys.argv[:] = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
_PLAIN = {"bash": ("--norc",)}  # what keeps a shell from saying that it is somewhere else
_PROGRAMS = {"ip": "iproute2", "nft": "nftables", "unshare": "util-linux", "mount": "mount"}  # Debian's packages


def shell_of(node: str) -> list[str]:
    """The user's shell, as a program that says where it is."""
    return [
        "env",
        f"PS1=({node}) $PWD $ ",  # which every shell of the standard expands
        os.environ.get("SHELL", "/bin/sh"),
        *_PLAIN.get(Path(os.environ.get("SHELL", "sh")).name, ()),
    ]


def enter(site: str, node: str) -> int | None:
    """Open a shell in a node of the site's lab that was kept; its exit status. None: no such lab is there.

    Raises InvalidInput where the lab has no such node.
    """
    process = _running(site)
    if process is None:
        return None
    names = json.loads(Path(f"/proc/{process}/root{NAMES}").read_text(encoding="utf-8"))
    if node not in names or node == SWITCH:
        raise InvalidInput.of(
            f"--enter {node}: there is no such host",
            hint=f"there are: {', '.join(name for name in names if name != SWITCH)}",
        )
    user = ["--user", "--preserve-credentials"] if os.geteuid() != 0 else []
    program = [
        "nsenter",
        "--target",
        process,
        "--mount",
        "--pid",
        *user,
        f"--net=/proc/{process}/root/run/netns/{names[node]}",
    ]
    return subprocess.run([*program, *shell_of(node)], check=False).returncode


def _running(site: str) -> str | None:
    """The number of the process that keeps the lab of a site."""
    wanted = f"{_SITE}={Path(site).resolve()}".encode()
    here = Path("/proc/self/ns/pid").readlink()
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            is_ours = folder.name.isdigit() and folder.stat().st_uid == os.geteuid()  # others may pretend anything
            is_of_site = is_ours and wanted in (folder / "environ").read_bytes().split(b"\0")
            if is_of_site and (folder / "ns/pid").readlink() != here and (folder / f"root{NAMES}").exists():
                return folder.name
    return None


def is_inside() -> bool:
    """Report whether this process runs in a rehearsal's namespaces."""
    before = os.environ.get(_INSIDE, "").split()
    now = _namespaces()
    return len(before) == len(now) and not set(before) & set(now)  # a variable alone proves nothing


def _namespaces() -> list[str]:
    """The namespaces of this process that a rehearsal has of its own."""
    return [str(Path("/proc/self/ns", kind).readlink()) for kind in ("net", "mnt", "pid")]


def inside(arguments: Sequence[str], module: str = "portwright", site: str = "") -> int:
    """Run a module of Python, `portwright` or another, in namespaces of its own; its exit status.

    Whoever wants to `enter` them finds them by the site file. Raises NotPossibleHere.
    """
    _check_programs()
    program = [*_unshare(), sys.executable, "-P", "-c", _AS_MODULE, module, *arguments]
    known = {
        _INSIDE: " ".join(_namespaces()),
        _SITE: str(Path(site).resolve()) if site else "",
        _MODULES: os.pathsep.join(sys.path),
    }
    process = subprocess.Popen(program, env=os.environ | known, preexec_fn=_die_with_parent)  # noqa: PLW1509 (no threads here)
    while True:
        with contextlib.suppress(KeyboardInterrupt):  # the child has it too, and ends
            return process.wait()


def _die_with_parent() -> None:
    """Have the kernel end this process with the one that started it, whatever ended that (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _check_programs() -> None:
    if sys.platform != "linux":
        raise NotPossibleHere("a rehearsal needs the network namespaces of Linux")
    known = [
        folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder
    ]  # empty: the present one
    os.environ["PATH"] = os.pathsep.join([*known, "/usr/sbin", "/sbin"])  # where an ordinary user does not look
    missing = [name for name in _PROGRAMS if not shutil.which(name)]
    if missing:
        packages = " ".join(_PROGRAMS[name] for name in missing)
        raise NotPossibleHere(f"a rehearsal needs {', '.join(missing)}; on Debian: apt-get install {packages}")


def _unshare() -> list[str]:
    """The command that makes the namespaces. Raises NotPossibleHere where the kernel forbids them."""
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    users: tuple[list[str], ...] = ([],)
    if os.geteuid() != 0:  # with the ids of /etc/subuid, where somebody has them and may use them, else with one
        users = (["--user", "--map-auto", "--map-root-user"], ["--user", "--map-root-user"])
    for mapping in users:
        tried = subprocess.run([*command, *mapping, "true"], capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            return [*command, *mapping]
    reason = tried.stderr.strip().splitlines()[-1:] or ["it does not say why"]
    raise NotPossibleHere(
        f"the kernel allows no namespaces here ({reason[0]}); run it as root, or in a machine of its own"
    )
