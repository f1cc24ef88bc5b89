"""What the harness says of the kernel is true: rulings, deciding lines, states; and it leaves nothing behind."""

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kernel.kernel import ROOT, Kernel

from portwright.packets.fields import State
from portwright.packets.packet import Packet

pytestmark = pytest.mark.kernel

INTERFACES = ("lan0", "wan0")
RULES = """table inet t {
	chain known {
		udp dport 53 accept
		ip6 daddr fd00::/16 reject
	}

	chain HOOK {
		type filter hook HOOK priority filter; policy drop;
		ct state established,related accept
		tcp dport 22 reject with tcp reset
		jump known
		icmp type echo-request accept
	}
}
table inet late {
	chain HOOK {
		type filter hook HOOK priority filter + 10; policy accept;
		ip daddr 10.2.0.9 drop
	}
}
"""
RULINGS = [  # packet, decision, deciding lines
    ("tcp 10.1.0.5:40000 > 10.2.0.7:22", "reject", (10,)),
    ("tcp 10.1.0.5:40000 > 10.2.0.7:23", "drop", (8,)),
    ("udp 10.1.0.5:40000 > 10.2.0.7:53", "accept", (3, 17)),
    ("udp 10.1.0.5:40000 > 10.2.0.9:53", "drop", (3, 18)),
    ("udp [2001:db8::1]:40000 > [fd00::9]:54", "reject", (4,)),
    ("icmp 10.1.0.5 > 10.2.0.7 type 8 code 0", "accept", (12, 17)),
    ("icmp 10.1.0.5 > 10.2.0.7 type 13 code 0", "drop", (8,)),
    ("esp 10.1.0.5 > 10.2.0.7", "drop", (8,)),
]
STATES = [  # the first packet, what connection tracking takes it for
    ("tcp 10.1.0.5:40000 > 10.2.0.7:22", "new"),
    ("tcp 10.1.0.5:40000 > 10.2.0.7:22 state invalid", "invalid"),
    ("udp [fd00::1]:40000 > [fd00::2]:53", "new"),
    ("proto 253 10.1.0.5 > 10.2.0.7", "new"),
    *((f"icmp 10.1.0.5 > 10.2.0.7 type {kind}", "new") for kind in (8, 13, 15, 17)),
    *((f"icmp 10.1.0.5 > 10.2.0.7 type {kind}", "invalid") for kind in (0, 3, 5, 9, 11, 12, 14, 16, 18, 40)),
    *((f"icmpv6 fd00::1 > fd00::2 type {kind}", "new") for kind in (128, 139)),
    *((f"icmpv6 fd00::1 > fd00::2 type {kind}", "untracked") for kind in (*range(130, 137), 143, 151, 152)),
    *((f"icmpv6 fd00::1 > fd00::2 type {kind}", "invalid") for kind in (1, 2, 3, 4, 129, 137, 138, 140, 200)),
]


def packet(text: str, hook: str) -> Packet:
    ends = {"forward": ("lan0", "wan0"), "input": ("lan0", ""), "output": ("", "wan0")}[hook]
    return replace(Packet.parse(text), interface_in=ends[0], interface_out=ends[1])


@pytest.mark.parametrize("hook", ["forward", "input", "output"])
def test_rulings_name_the_line_that_decides(hook: str) -> None:
    """Of every chain on the way, the declaration where its policy decides."""
    with Kernel(INTERFACES) as kernel:
        kernel.load(RULES.replace("HOOK", hook), hook)
        found = kernel.judge([packet(text, hook) for text, _, _ in RULINGS])
    assert [(ruling.decided, ruling.via) for ruling in found] == [(decided, via) for _, decided, via in RULINGS]


def test_packets_belong_to_connections_that_were_opened_before() -> None:
    """An established one by its ends, a related one by the datagram that it is about."""
    texts = ("tcp 10.1.0.5:40000 > 10.2.0.7:99 state established", "icmp 10.1.0.5 > 10.2.0.7 type 3 state related")
    packets = [packet(text, "forward") for text in texts]
    with Kernel(INTERFACES) as kernel:
        kernel.load(RULES.replace("HOOK", "forward"), "forward", packets=packets)
        found = kernel.judge(packets)
    assert [(ruling.state, ruling.via) for ruling in found] == [(State.ESTABLISHED, (9, 17)), (State.RELATED, (9, 17))]


def test_states_of_first_packets() -> None:
    """Of ICMP, requests alone are new; neighbor discovery is not tracked at all."""
    with Kernel(INTERFACES) as kernel:
        kernel.load(RULES.replace("HOOK", "forward"), "forward")
        found = kernel.judge([packet(text, "forward") for text, _ in STATES])
    assert [ruling.state.name.lower() for ruling in found if ruling.state is not None] == [state for _, state in STATES]


def test_the_router_ends_with_its_block() -> None:
    """Also when something goes wrong in it; this process has stayed in its own namespace."""
    before = Path("/proc/self/ns/net").readlink()
    with contextlib.suppress(KeyboardInterrupt), Kernel(INTERFACES) as kernel:
        assert kernel.is_running
        raise KeyboardInterrupt
    assert not kernel.is_running
    assert Path("/proc/self/ns/net").readlink() == before


def test_the_router_ends_when_its_master_is_killed() -> None:
    """Nothing is left that could be cleaned up: neither process nor namespace."""
    program = (
        "import os, signal\nfrom tests.kernel.kernel import Kernel\n"
        "kernel = Kernel(['lan0'])\nkernel.load('table inet t { }', 'forward')\n"
        "print(kernel._child.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    search = os.pathsep.join(["src", "."])
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        check=False,
    )
    assert ended(int(done.stdout), within=60)


def ended(process: int, within: float) -> bool:
    """Whether a process that is no child of this one ends in time."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if not Path(f"/proc/{process}").exists():
            return True
        time.sleep(0.05)
    return False
