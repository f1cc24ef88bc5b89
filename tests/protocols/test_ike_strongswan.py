"""IKEv2 with strongSwan: it answers our client, and goes on after our server's answer, in both versions."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.protocols.alone import HERE, THERE, alone
from tests.protocols.asking import asked
from tests.protocols.serving import served

from portwright.protocols import ike, ike1

CHARON = Path("/usr/lib/ipsec/charon")
AT = ("--uri", "unix:///run/charon.vici")
DAEMON = """\
charon {
  load = random nonce aes sha1 sha2 hmac kdf gmp openssl kernel-netlink socket-default vici
  plugins { vici { socket = unix:///run/charon.vici } }
}
"""
CONNECTION = f"""\
    local_addrs = {HERE}
    remote_addrs = {THERE}
    local {{ auth = psk }}
    remote {{ auth = psk }}
"""
CONNECTIONS = f"""\
connections {{
  second {{
    version = 2
    remote_port = 4502
    proposals = aes128-sha256-modp2048
    children {{ of-second {{ remote_ts = {THERE}/32 }} }}
{CONNECTION}  }}
  first {{
    version = 1
    remote_port = 4501
    proposals = aes128-sha1-modp1024
    children {{ of-first {{ remote_ts = {THERE}/32 }} }}
{CONNECTION}  }}
}}
secrets {{ ike-any {{ secret = of-this-test }} }}
"""
CHOSEN = "selected proposal: IKE:AES_CBC_128"


@pytest.mark.skipif(not CHARON.exists() or not shutil.which("swanctl"), reason="strongSwan is not installed")
def test_strongswan_answers_our_clients_and_goes_on_after_our_answers(tmp_path):
    """In both versions; on UDP 500 and 4500; and the initiator believes what our server chose."""
    (tmp_path / "strongswan.conf").write_text(DAEMON)
    (tmp_path / "swanctl.conf").write_text(CONNECTIONS)
    said = alone(__file__, tmp_path, STRONGSWAN_CONF=str(tmp_path / "strongswan.conf"))
    second, first = "IKEv2: AES-128, group 14 chosen", "IKEv1: AES-128, SHA-1, group 2 chosen"
    assert said.splitlines()[:4] == [second, first, second, first]
    assert f"{CHOSEN}/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048" in said, said
    assert "generating IKE_AUTH request 1" in said, said
    assert f"{CHOSEN}/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024" in said, said
    assert "generating ID_PROT request 0 [ KE No" in said, said


def _alone(folder):
    """What runs in that network: strongSwan, our client, our server."""
    with subprocess.Popen([CHARON], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        try:
            _loaded(folder)
            for port, marked in ((500, False), (4500, True)):
                for version in (ike, ike1):
                    print(asked(version.client(marked=marked), HERE, port, datagrams=True, source=THERE))
            for version, port, child in ((ike, 4502, "of-second"), (ike1, 4501, "of-first")):
                with served(version.server, datagrams=True, at=(THERE, port)):
                    print(_initiated(child))
        finally:
            daemon.terminate()


def _initiated(child):
    """What strongSwan says of it; our server answers its first message alone, so it gets to no end."""
    for seconds in (1, 5, 25):
        ask = ["swanctl", "--initiate", "--child", child, "--timeout", str(seconds), *AT]
        said = subprocess.run(ask, capture_output=True, text=True, timeout=60, check=False).stdout
        if CHOSEN in said and ("IKE_AUTH request" in said or "ID_PROT request 0 [ KE" in said):
            return said
        end = ["swanctl", "--terminate", "--ike", child.removeprefix("of-"), "--force", "--timeout", "1", *AT]
        subprocess.run(end, capture_output=True, timeout=60, check=False)
    return said


def _loaded(folder):
    """Give strongSwan its connections, as soon as it is there."""
    load = ["swanctl", "--load-all", "--file", f"{folder}/swanctl.conf", *AT]
    for _ in range(300):
        if not subprocess.run(load, capture_output=True, timeout=60, check=False).returncode:
            return
        time.sleep(0.1)


if __name__ == "__main__":
    _alone(sys.argv[1])
