"""The questions: what is asked, that a wrong answer is asked again, and that each answer changes what it says."""

import shutil
from ipaddress import ip_network
from pathlib import Path

import pytest

from portwright.catalog.load import load_catalog
from portwright.init.questions import ask_for_site
from portwright.init.topologies import NAMES, topology
from portwright.site.load import parse_site

CATALOG = load_catalog()
F6 = Path(__file__).parents[2] / "examples" / "f6"


class Person:
    """Somebody whose answers are known beforehand, by a word of the question; to all else they say nothing."""

    def __init__(self, **answers):
        self.answers = {word: [given] if isinstance(given, str) else list(given) for word, given in answers.items()}
        self.asked = []
        self.said = []
        self.refused = []

    def say(self, text):
        self.said.append(text)

    def ask(self, question, default, read):
        context = f"{self.said[-1 - self._offered()] if question == 'Number' else question}"
        self.asked.append(context)
        while True:
            answers = next((given for word, given in self.answers.items() if word in context and given), [default])
            answer = answers.pop(0)
            try:
                return read(answer)
            except ValueError as problem:
                self.refused.append(str(problem))

    def _offered(self):
        """How many lines were offered after the question."""
        return next(n for n, line in enumerate(reversed(self.said)) if not line.startswith("  "))


def asked(folder, name="site.yaml", **answers):
    person = Person(**answers)
    text = ask_for_site(person, CATALOG, folder / name)
    return text, person, parse_site(text.encode(), folder, CATALOG, name)


def changed(text, name="full-server"):
    """The lines that the topology does not have."""
    return [line.strip() for line in text.splitlines() if line not in topology(name).text.splitlines()]


def test_who_only_says_yes_gets_the_topology(tmp_path):
    """As it stands."""
    text, person, _ = asked(tmp_path)
    assert text == topology("full-server").text
    assert person.refused == []


@pytest.mark.parametrize(("number", "name"), list(enumerate(NAMES, 1)))
def test_a_topology_is_picked_by_number_or_by_name(tmp_path, number, name):
    """Each asks and writes what it writes unasked."""
    for answer in (str(number), name):
        text, _, site = asked(tmp_path, network=answer)
        assert text == topology(name).text
        assert site.points


@pytest.mark.parametrize(
    ("answers", "lines"),
    [
        ({"Name": "my-place"}, ["site: my-place"]),
        ({"version": "2"}, ["products: [dynamics-365-9.1]      # or dynamics-crm-2013"]),
        ({"sign": "claims"}, ["authentication: claims             # or integrated"]),
        ({"mail": "client-side"}, ["mail.mode: client-side             # or none, router, server-side"]),
        (
            {"mail": "router", "By which": "2"},
            [
                "mail.mode: router                  # or none, client-side, server-side",
                "mail.profile: pop3-smtp            # or exchange",
            ],
        ),
        ({"Excel": "yes"}, ["excel_dynamic_export: true         # or false"]),
        ({"users (": "10.1.0.0/16"}, ["users:   {networks: [10.1.0.0/16]}     # the users' computers"]),
        ({"Which kind": "nftables"}, ["platform: nftables"]),
    ],
)
def test_an_answer_changes_what_it_says(tmp_path, answers, lines):
    """And, where another line depends on it, that too."""
    text, _, _ = asked(tmp_path, **answers)
    assert set(lines) <= set(changed(text))
    assert all(line in lines or "# if " in line for line in changed(text))


def test_what_makes_no_difference_is_not_asked(tmp_path):
    """The protocols of mail only where there is mail; how users sign in only where the topology leaves it open."""
    assert not any("protocols" in question for question in asked(tmp_path)[1].asked)
    assert any("protocols" in question for question in asked(tmp_path, mail="router")[1].asked)
    assert not any("sign in" in question for question in asked(tmp_path, network="ifd")[1].asked)
    assert any("replicate" in question for question in asked(tmp_path, network="branch")[1].asked)


@pytest.mark.parametrize(("answer", "product"), [("9.1", "dynamics-365-9.1"), ("Dynamics-CRM", "dynamics-crm-2013")])
def test_a_part_of_a_name_will_do(tmp_path, answer, product):
    """Where only one of the names has it; capitals do not matter."""
    assert asked(tmp_path, version=answer)[2].products >= {product}


def test_hosts_follow_their_networks(tmp_path):
    """The example's networks need not be anybody's."""
    _, _, site = asked(tmp_path, **{"servers (": "192.168.7.0/28, fd00:7::/64"})
    assert site.zones["servers"].addresses.texts() == ("192.168.7.0/28", "fd00:7::/64")
    assert {host.zone for host in site.hosts.values()} == {"servers", "admin"}
    assert site.hosts["crm01"].addresses.texts() == ("192.168.7.11",)


def test_networks_that_do_not_fit_together_are_asked_again(tmp_path):
    """All of them, with the reason."""
    _, person, site = asked(
        tmp_path,
        **{
            "users (": ["10.1.2.0/25", "10.1.0.0/16"],
            "servers (": ["10.1.2.0/24", "10.1.2.0/24"],
            "admin (": ["10.1.2.128/25", "10.1.3.0/24"],
        },
    )
    assert site.zones["users"].networks == (ip_network("10.1.0.0/16"),)
    assert "Error: 10.1.2.0/24 has no room" in "\n".join(person.said)
    assert site.hosts["adm01"].addresses.texts() == ("10.1.3.5",)


def test_wrong_answers_are_asked_again(tmp_path):
    """With what is wrong."""
    _, person, site = asked(
        tmp_path,
        **{
            "Name": ["7", "a b", "office"],
            "most like": ["0", "11", "no-such", "split"],
            "users (": ["10.1.0.0/33", "10.1.0.1/16", "-", " , ", "10.1.0.0/16"],
            "front (": ["10.1.0.0/16", "10.2.0.0/31", "10.2.0.0/24"],
            "Configuration of": ["../core.cfg", "no-such.cfg", ""],
        },
    )
    assert person.refused == [
        "'7' is not a name; write it like 'sql01'",
        "'a b' is not a name; write it like 'sql01'",
        f"'0' is none of them: give a number from 1 to {len(NAMES)}, or a name",
        f"'11' is none of them: give a number from 1 to {len(NAMES)}, or a name",
        f"'no-such' is none of them: give a number from 1 to {len(NAMES)}, or a name",
        "'10.1.0.0/33' is not an IPv4 or IPv6 network like 10.1.0.0/16",
        "10.1.0.1/16 has bits set beyond its prefix; the network is 10.1.0.0/16",
        "'-' is not an IPv4 or IPv6 network like 10.1.0.0/16",
        "a zone has at least one network, such as 10.1.0.0/16",
        "10.1.0.0/16 is already in another zone; where two of them share a network, give the smaller part"
        " here, down to single addresses such as 10.1.0.5/32",
        "10.2.0.0/31 is too small: hosts in this zone take 1",
        "../core.cfg is not in the folder of the site file: copy it there first",
        f"{tmp_path / 'no-such.cfg'}: there is no such file",
    ]
    assert site.name == "office"


def test_a_configuration_says_its_platform_and_where_zones_lie(tmp_path, monkeypatch):
    """By its routes; what those do not tell is asked."""
    shutil.copy(F6 / "core-fw.cfg", tmp_path)
    monkeypatch.chdir(tmp_path)
    text, person, site = asked(
        tmp_path,
        **{
            "Configuration of": "core-fw.cfg",
            "servers (": "10.30.0.0/24",
            "admin (": "172.16.0.0/24",
            "admin lie": "1",
        },
    )
    point = site.points["core-fw"]
    assert (point.platform, point.config) == ("cisco-asa", tmp_path / "core-fw.cfg")
    assert point.interfaces == {"users": "users", "servers": "transit", "admin": "admin"}
    assert "  servers lies behind transit, by the routes." in person.said
    assert not any("Which kind" in question for question in person.asked)
    assert "admin lie" in " ".join(person.asked)
    assert "users lie" not in " ".join(person.asked)
    assert "config: core-fw.cfg" in changed(text)


def test_a_file_that_is_no_configuration_is_asked_again(tmp_path, monkeypatch):
    """With what its reader says."""
    (tmp_path / "notes.txt").write_text("buy milk\n")
    (tmp_path / "empty.cfg").write_text("")
    monkeypatch.chdir(tmp_path)
    _, person, _ = asked(tmp_path, **{"Configuration of": ["notes.txt", "empty.cfg", "."]})
    assert [problem.partition("\n")[0] for problem in person.refused] == [
        "notes.txt: no platform recognizes this text",
        "empty.cfg: is empty",
        ".: is a folder",
    ]


def test_a_configuration_is_looked_for_beside_the_site_file(tmp_path):
    """Wherever the command runs."""
    shutil.copy(F6 / "data-fw.nft", tmp_path)
    _, person, site = asked(tmp_path, **{"Configuration of": "data-fw.nft", "users lie": "eth1"})
    assert person.refused == []
    assert site.points["core-fw"].platform == "nftables"
    assert site.points["core-fw"].interfaces == {"users": "eth1", "servers": "eth0", "admin": "eth0"}


def test_the_site_is_named_after_its_file(tmp_path):
    """Unless that is called site.yaml; in a form that a site may have."""
    assert asked(tmp_path, "branch.yaml")[2].name == "branch"
    assert asked(tmp_path, "2.yaml")[2].name == "site-2"
    assert asked(tmp_path, "site.yaml")[2].name == "contoso"
