"""Why no rules can be loaded into a kernel here, where they cannot."""

import functools
import os
import shutil
import subprocess
import sys

_TRIED = {  # what is asked of the kernel before rules of a kind are loaded
    "nftables": ("nft list ruleset",),
    "iptables": ("iptables-nft -S", "ip6tables-nft -S", "ipset list -n"),
    "iptables-legacy": ("iptables-legacy -S", "ip6tables-legacy -S", "ipset list -n"),
}


@functools.cache
def out_of_reach(kind: str = "nftables") -> str:
    """Why no rules of a kind can be loaded into a kernel here; empty where they can."""
    if sys.platform != "linux":
        return "needs Linux"
    if "/usr/sbin" not in os.environ["PATH"].split(":"):
        os.environ["PATH"] += ":/usr/sbin:/sbin"  # where an ordinary user does not look
    needed = ("unshare", "ip", *(command.split()[0] for command in _TRIED[kind]))
    missing = [program for program in needed if not shutil.which(program)]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return next(filter(None, map(_refusal, _TRIED[kind])), "")


def _refusal(command: str) -> str:
    """Why a command cannot be run in a network namespace of its own."""
    environment = {**os.environ, "XTABLES_LOCKFILE": os.devnull}
    tried = subprocess.run(
        ["unshare", "--net", *command.split()], capture_output=True, text=True, check=False, env=environment
    )
    return f"'{command}' in a network namespace: {tried.stderr.strip()}" if tried.returncode else ""
