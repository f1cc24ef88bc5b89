"""Bad and hostile input: a clear message with file and line, status 2 or an honest doubt, soon, and nothing written."""

import json
import os
import random
import time

import pytest
from tests.cli.running import F6, copied, edit, line_of, run

SITE, CORE, DATA = (F6 / name for name in ("site.yaml", "core-fw.cfg", "data-fw.nft"))
SOON = 20  # seconds; each takes far less than one on an idle machine
RULESET = (
    "table inet f {\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n\t\t%s\n\t}\n}\n"
)
DIGITS = "9" * 5000  # more than Python converts to a number


@pytest.fixture
def site(tmp_path, monkeypatch):
    """The site file of a copy of the example, in the current folder, which no command may change."""
    file = copied(tmp_path)
    monkeypatch.chdir(file.parent)
    yield file
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f6"]
    assert len(list(file.parent.iterdir())) == len(list(F6.iterdir()))


def soon(*arguments):
    """Run a command that must end soon, without a traceback, and say something short on either stream."""
    start = time.process_time()
    done = run(*arguments)
    assert time.process_time() - start < SOON
    assert "Traceback" not in done.err
    assert len(done.err) < 20_000
    return done


def problem(done):
    """The only problem of a refused input."""
    assert (done.status, done.err) == (2, "")
    [error] = done.document["errors"]
    return error


# ---------------------------------------------------------------------- site files


@pytest.mark.parametrize(
    ("old", "new", "at", "says"),
    [
        ("zone: app", "zone: ap", "zone: ap", "ap"),
        ("[crm/full-server]", "[crm/full-servr]", "crm/full-servr", "full-servr"),
        ("zones:", "zoness:", "zoness:", "zoness"),
        ("10.20.0.11", "10.20.0.256", "10.20.0.256", "10.20.0.256"),
        ("10.30.0.0/24", f"10.30.0.0/{DIGITS}", "10.30.0.0/999", "999"),
        ("until: 2030-12-31", f"until: {DIGITS}", "until: 999", "999"),
        ("sql01:10000", f"sql01:{DIGITS}", "sql01:999", "characters"),
        ("web: {scheme: https}", f"web: {{scheme: https, port: {DIGITS}}}", "port: 999", "999"),
        ("config: core-fw.cfg", "config: ../core-fw.cfg", "../core-fw.cfg", "folder of the site file"),
        ("config: core-fw.cfg", "config: /etc/hostname", "/etc/hostname", "folder of the site file"),
        ("  users:", "\tusers:", "\tusers:", "not YAML"),
        ("site: contoso", "site: contoso\nsite: twice", "site: twice", "twice"),
        ("site: contoso", "site: &a contoso\nx: *a", "site: &a", "anchor"),
        ("site: contoso", "site: !!python/object:os.system x", "!!python", "tag"),
        ("deny: \"tcp staff > sql01:1433\"", "deny: \"tcp staf > sql01:1433\"", "staf >", "staf"),
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_a_wrong_site_file_is_told_by_line(site, old, new, at, says):
    """File, line and what is wrong."""
    edit(site, old, new)
    done = soon("check", "site.yaml", "--format", "json")
    assert done.status == 2
    errors = done.document["errors"]
    found = [one for one in errors if (one["file"], one["line"]) == ("site.yaml", line_of(site, at))]
    assert any(says in f"{one['path']} {one['message']} {one['hint']}" for one in found), errors
    assert all(len(one["message"]) < 500 for one in errors)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n# nothing\n",
        "- a\n- b\n",
        "hello",
        "a: " + "[" * 20_000,
        "a: " + "{b: " * 20_000,
        "\n".join(" " * depth + "a:" for depth in range(1000)),
        'a: &a ["x"]\n' + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(30)),
        "a: b\n---\nc: d\n",
        "a: 'b\n",
        "a: \0",
        "a: \x1b[31m",
        "x" * 5_000_000,
        "? {a: b}\n: c\n",
        "%YAML 9.9\n---\na: b\n",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_site_file_is_refused(site, text):
    """Bombs of depth and of aliases too."""
    site.write_text(text, encoding="utf-8")
    done = soon("check", "site.yaml", "--format", "json")
    assert done.status == 2
    assert {one["file"] for one in done.document["errors"]} == {"site.yaml"}


def test_a_site_file_in_another_encoding_is_refused(site):
    """YAML is UTF-8 here."""
    site.write_bytes(site.read_bytes().decode().encode("utf-16"))
    assert "UTF-8" in problem(soon("check", "site.yaml", "--format", "json"))["message"]


# ---------------------------------------------------------------------- files


@pytest.mark.parametrize("command", ["lint", "check"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\t\r\n", "is empty"),
        (bytes(range(256)) * 40, "is binary"),
        (b"\x7fELF\x02\x01\x01\0\0", "is binary"),
        (CORE.read_bytes().replace(b"CRM-0113", b"CRM\0"), "is binary"),
        (b"Please open the port, the access-list says.\n" * 50, "no"),
        (json.dumps([{"DisplayName": "Core Networking", "Enabled": 1, "Direction": 1}] * 50).encode(), "no"),
        (b"<?xml version='1.0'?><config/>", "no"),
        (CORE.read_bytes().decode().encode("utf-16-le"), "is binary"),
    ],
    ids=["empty", "blank", "bytes", "program", "nul", "prose", "windows", "xml", "utf-16 without mark"],
)
def test_what_is_no_configuration_is_refused(site, command, content, says):
    """With the file's name, and for text with what it might be."""
    site.with_name("core-fw.cfg").write_bytes(content)
    arguments = ["core-fw.cfg"] if command == "lint" else ["site.yaml"]
    error = problem(soon(command, *arguments, "--format", "json"))
    assert error["file"] == "core-fw.cfg"
    assert says in error["message"]


def test_a_huge_file_is_refused_unread(site):
    """200 MB."""
    with site.with_name("core-fw.cfg").open("wb") as file:
        file.truncate(200 * 2**20)
    assert "larger than" in problem(soon("check", "site.yaml", "--format", "json"))["message"]
    with site.open("wb") as file:
        file.truncate(200 * 2**20)
    assert "larger than" in problem(soon("check", "site.yaml", "--format", "json"))["message"]


def test_a_folder_and_a_missing_file_are_refused(site):
    """Each in its own words."""
    assert "is a folder" in problem(soon("lint", "faults", "--format", "json"))["message"]
    assert "no such file" in problem(soon("lint", "nowhere", "--format", "json"))["message"]
    assert problem(soon("check", "faults", "--format", "json"))["file"] == "faults"
    site.with_name("core-fw.cfg").rename(site.with_name("x"))
    error = problem(soon("check", "site.yaml", "--format", "json"))
    assert (error["file"], error["hint"]) == ("core-fw.cfg", "it is given as the configuration of core-fw")
    site.with_name("x").rename(site.with_name("core-fw.cfg"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(site):
    """With the system's reason."""
    site.with_name("core-fw.cfg").chmod(0)
    assert "permission denied" in problem(soon("check", "site.yaml", "--format", "json"))["message"]


@pytest.mark.parametrize(("point", "name"), [("core-fw", "data-fw.nft"), ("data-fw", "core-fw.cfg")])
def test_a_configuration_of_another_platform_is_refused(site, point, name):
    """And recognized."""
    error = problem(soon("check", "site.yaml", "--config", f"{point}={name}", "--format", "json"))
    assert error["file"] == name
    assert "is no configuration of" in error["message"]
    assert "it looks like" in error["hint"]


def test_problems_of_several_files_are_told_at_once(site):
    """Both configurations are wrong."""
    for name in ("core-fw.cfg", "data-fw.nft"):
        site.with_name(name).write_text("", encoding="utf-8")
    errors = soon("check", "site.yaml", "--format", "json").document["errors"]
    assert [one["file"] for one in errors] == ["core-fw.cfg", "data-fw.nft"]


# ---------------------------------------------------------------------- forms of text


@pytest.mark.parametrize(
    "form",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.rstrip("\n").encode(),
        lambda text: text.replace("CRM-0118", "größer").encode("latin-1"),
        lambda text: text.encode() + b"\n\n\n",
    ],
    ids=["crlf", "utf-16", "byte order mark", "no last newline", "latin-1", "blank lines"],
)
@pytest.mark.parametrize("name", ["core-fw.cfg", "data-fw.nft"])
def test_the_form_of_a_text_does_not_matter(site, name, form):
    """The same answer."""
    file = site.with_name(name)
    file.write_bytes(form(file.read_text(encoding="utf-8")))
    assert soon("check", "site.yaml").status == 0


# ---------------------------------------------------------------------- hostile configurations


def ring(*names):
    """Object groups that contain each other."""
    pairs = zip(names, (*names[1:], names[0]), strict=True)
    return "".join(f"object-group network {one}\n group-object {other}\n" for one, other in pairs)


HOSTILE_CORE = {
    "group in itself": ring("A"),
    "groups in a ring": ring(*(f"G{n}" for n in range(50))),
    "deep groups": "object-group network G0\n network-object host 10.1.1.1\n"
    + "".join(f"object-group network G{n}\n group-object G{n - 1}\n" for n in range(1, 3000)),
    "doubling groups": "object-group network G0\n network-object host 10.1.1.1\n network-object host 10.1.1.3\n"
    + "".join(f"object-group network G{n}\n group-object G{n - 1}\n group-object G{n - 1}\n" for n in range(1, 40)),
    "long line": f"access-list app_in remark {'x' * 5_000_000}\n",
    "many words": f"access-list app_in extended permit tcp {'any ' * 100_000}\n",
    "digits in a port": f"access-list app_in extended permit tcp any any eq {DIGITS}\n",
    "digits in a line": f"access-list app_in line {DIGITS} extended permit tcp any any\n",
    "digits in an address": f"access-list app_in extended permit tcp host 10.0.0.{DIGITS} any\n",
    "digits in a route": f"route core 10.1.0.0 255.255.0.0 10.50.0.1 {DIGITS}\n",
    "digits elsewhere": f"timeout conn {DIGITS}\nmtu app {DIGITS}\nASA Version {DIGITS}.1\n",
    "many unknown commands": "".join(f"frobnicate {n}\n" for n in range(5000)),
    "control characters": "access-list app_in remark \x1b[2J\x07\n",
}


@pytest.mark.parametrize("hostile", HOSTILE_CORE.values(), ids=HOSTILE_CORE)
def test_a_hostile_asa_configuration_is_answered_soon(site, hostile):
    """Refused with a line of the file, or judged; never a traceback."""
    edit(
        site.with_name("core-fw.cfg"),
        "access-list users_in remark CRM-0118",
        f"{hostile}access-list users_in remark CRM-0118",
    )
    done = soon("check", "site.yaml", "--format", "json")
    assert done.status in (0, 1, 2, 3)
    if done.status == 2:
        assert all(one["file"] == "core-fw.cfg" and one["line"] for one in done.document["errors"])


FORWARD = "table inet f {{\n{}}}\n".format
RING = FORWARD("chain a {\njump b\n}\nchain b {\njump a\n}\n")
BASE = FORWARD("chain input {\ntype filter hook input priority 0;\n}\n")
DEEP = "".join(f"chain c{n} {{\njump c{n + 1}\n}}\n" for n in range(2000)) + "chain c2000 {\n}\n"
DOUBLING = "".join(f"chain c{n} {{\nip saddr 10.0.0.{n} jump c{n + 1}\njump c{n + 1}\n}}\n" for n in range(14))
NESTED = '{"&": [' * 5000 + "1" + ", 1]}" * 5000
HOSTILE_DATA = {
    "deep braces": "table inet f {\n" * 10_000,
    "deep set": RULESET % ("ip saddr " + "{" * 10_000 + "10.0.0.1" + "}" * 10_000 + " accept"),
    "deep parentheses": RULESET % ("meta mark " + "(" * 10_000 + "1" + ")" * 10_000 + " accept"),
    "long expression": RULESET % ("meta mark " + " | ".join(["0x1"] * 20_000) + " accept"),
    "long set": RULESET % f"ip saddr {{ {', '.join(f'10.1.{n // 250}.{n % 250}' for n in range(20_000))} }} accept",
    "long word": RULESET % ("ip saddr " + "a" * 2_000_000 + " accept"),
    "open string": RULESET % ('iifname "' + "x" * 100_000),
    "digits in a port": RULESET % f"tcp dport {DIGITS} accept",
    "digits in a mask": RULESET % f"ip saddr 10.0.0.0/{DIGITS} accept",
    "digits in hexadecimal": RULESET % f"meta mark 0x{'f' * 5000} accept",
    "digits in a priority": (RULESET % "accept").replace("priority filter", f"priority {DIGITS}"),
    "jump to itself": RULESET % "jump forward",
    "jumps in a ring": RULESET % "jump a" + RING,
    "jump into a base chain": RULESET % "jump input" + BASE,
    "deep jumps": RULESET % "jump c0" + FORWARD(DEEP),
    "doubling jumps": RULESET % "jump c0" + FORWARD(DOUBLING + "chain c14 {\naccept\n}\n"),
    "deep JSON": '{"nftables": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "deep JSON expression": f'{{"nftables": [{{"rule": {{"table": "f", "chain": "c", "expr": [{NESTED}]}}}}]}}',
    "digits in JSON": '{"nftables": [{"table": {"family": "inet", "name": "f", "handle": ' + DIGITS + "}}]}",
    "cut JSON": '{"nftables": [{"table": {"fam',
    "other JSON": '{"nftables": 3}',
    "odd JSON": '{"nftables": [NaN, null, [], {"table": []}, {"chain": 3}, {"rule": {"expr": "x"}}]}',
}  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE_DATA.values(), ids=HOSTILE_DATA)
def test_a_hostile_ruleset_is_answered_soon(site, hostile):
    """Refused with a line of the file, or judged; never a traceback, and never proved: it has no rule for the flows."""
    site.with_name("data-fw.nft").write_text(hostile, encoding="utf-8")
    done = soon("check", "site.yaml", "--format", "json")
    assert done.status in (1, 2, 3)
    if done.status == 2:
        assert all(one["file"] == "data-fw.nft" and one["line"] for one in done.document["errors"])


# ---------------------------------------------------------------------- cut and mutated


@pytest.mark.slow
@pytest.mark.parametrize("start", [0, 1])
def test_a_ruleset_that_is_cut_off_is_refused(site, start):
    """Braces stay open, wherever it ends."""
    content = DATA.read_bytes()
    for end in range(50 * start, len(content) - 3, 100):
        site.with_name("data-fw.nft").write_bytes(content[:end])
        assert soon("check", "site.yaml").status == 2, end


@pytest.mark.slow
@pytest.mark.parametrize("start", [0, 1, 2, 3])
def test_an_asa_configuration_that_is_cut_off_proves_nothing_it_has_lost(site, start):
    """Until its last access-group is there, the site is not proved; after that, a cut is a note."""
    content = CORE.read_bytes()
    needed = content.index(b"timeout pat-xlate")  # nothing from here on is required
    for end in range(50 * start, len(content), 200):
        site.with_name("core-fw.cfg").write_bytes(content[:end])
        done = soon("check", "site.yaml", "--format", "json")
        assert done.status in ((1, 2, 3) if end < needed else (0, 1, 3)), end
        if done.status == 0 and end < len(content) - 60:
            assert any("cut off" in one["message"] for one in done.findings()), end


EVIL = [
    b"0", b"-1", b"65536", DIGITS.encode(), b"\xff", b"\0", b"{", b"}", b"[", b"]", b"{" * 500, b"(", b'"', b"'",
    b"any",    b"::/0", b"0.0.0.0/0", b"10.0.0.0/33", b"*", b"!", b"&a", b"*a", b"@x", b"!=", b"-", b"5-1",
    b"\t", b"\r\n",
    b"\xe2\x80\xa8", b"\x0b", b"\x0c", b"\x1c", b"\xc2\x85", b"\xd9\xa1", b"%s", b"\\", b"a" * 3000, b"group-object",
    b"eq", b"range", b"accept", b"jump", b"goto", b"table", b"chain", b"null", b"~", b"#", b"9999-99-99", b"0x10",
    b"1e5",    b"fe80::1%eth0", b"::ffff:1.2.3.4",
]  # fmt: skip


def mutated(content, words, rng):
    """The content with one small thing changed."""
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    parts = lines[at].split(b" ")
    place = rng.randrange(len(parts))
    match rng.randrange(6):
        case 0:
            del lines[at]
        case 1:
            lines[at:at] = [rng.choice(lines)]
        case 2:
            parts[place] = rng.choice(words)
            lines[at] = b" ".join(parts)
        case 3:
            parts[place:place] = [rng.choice(words)]
            lines[at] = b" ".join(parts)
        case 4:
            del parts[place]
            lines[at] = b" ".join(parts)
        case 5:
            start = rng.randrange(len(content) + 1)
            return content[:start] + content[start + rng.choice([1, 3, 30]) :]
    return b"\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["site.yaml", "core-fw.cfg", "data-fw.nft"])
def test_mutations_never_break_a_command(site, name, seed):
    """Whatever becomes of a file, the commands answer or refuse: 0, 1, 2 or 3."""
    rng = random.Random(f"{name} {seed}")
    content = (F6 / name).read_bytes()
    words = sorted(set(content.split())) + EVIL
    for _ in range(20):
        changed = content
        for _ in range(rng.choice([1, 1, 1, 2, 5])):
            changed = mutated(changed, words, rng)
        site.with_name(name).write_bytes(changed)
        arguments = ["check", "site.yaml"] if name == "site.yaml" or rng.random() < 0.6 else ["lint", name]
        assert soon(*arguments).status in (0, 1, 2, 3), changed
