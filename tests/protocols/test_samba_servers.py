"""Samba's own servers answer our clients of SMB and NetBIOS."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.protocols.alone import HERE, alone
from tests.protocols.asking import asked

from portwright.protocols import netbios, netbios_session, smb
from portwright.protocols.conversation import Refused
from portwright.protocols.netbios import Name

PLACES = ("lock directory", "state directory", "cache directory", "private dir", "pid directory", "ncalrpc dir")
SETTINGS = f"""\
[global]
workgroup = CONTOSO
netbios name = FILES1
interfaces = {HERE}/24
bind interfaces only = yes
disable spoolss = yes
load printers = no
"""
FILES1 = Name("FILES1", netbios.SERVER)


@pytest.mark.skipif(not shutil.which("smbd") or not shutil.which("nmbd"), reason="Samba is not installed")
def test_our_clients_come_to_ipc_and_find_names(tmp_path):
    """Directly, over a session of NetBIOS, and by datagrams."""
    lines = [f"{place} = {tmp_path / place.split()[0]}" for place in PLACES]
    for place in PLACES:
        (tmp_path / place.split()[0]).mkdir()
    (tmp_path / "smb.conf").write_text("\n".join([SETTINGS, *lines, f"log file = {tmp_path}/log"]) + "\n")
    assert alone(__file__, tmp_path / "smb.conf").splitlines() == [
        "SMB 3.1.1, session: anonymous",
        "SMB 3.1.1, session: anonymous",
        "NetBIOS: FILES1<00>, FILES1<03>, FILES1<20>, CONTOSO<00>, CONTOSO<1e>",
        "NetBIOS: FILES1<20> is at 10.9.9.1",
        "NetBIOS: NOBODY<00> is not known (code 3)",
    ]


def _alone(settings):
    """What runs in that network: Samba, and our clients."""
    Path("/run/samba").mkdir()
    running = [
        subprocess.Popen(
            [program, "-F", "--no-process-group", "-s", settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # when it ends, it ends its whole group
        )
        for program in ("smbd", "nmbd")
    ]
    try:
        _waited()
        print(asked(smb.client("FILES1"), HERE, 445))
        print(asked(smb.over_netbios(netbios_session.client(), smb.client("FILES1")), HERE, 139))
        print(asked(netbios.status_client(), HERE, 137, datagrams=True))
        print(asked(netbios.client(FILES1), HERE, 137, datagrams=True))
        try:
            print(asked(netbios.client(Name("NOBODY")), HERE, 137, datagrams=True))
        except Refused as said:
            print(said)
    finally:
        for one in running:
            one.terminate()


def _waited():
    """Until both servers answer."""
    for _ in range(300):
        try:
            asked(smb.client(), HERE, 445)
            asked(netbios.client(FILES1), HERE, 137, datagrams=True, patience=2)
        except (OSError, Refused):
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    _alone(sys.argv[1])
