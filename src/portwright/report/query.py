"""The answer to a query, as JSON by contract, as text for a person, and as a table."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice

from portwright.check.needs import Need
from portwright.check.pieces import Leg, Part, Passage, Piece
from portwright.check.query import Answer
from portwright.packets.fields import LAST_ADDRESS, Field
from portwright.policy.reference import RuleReference, reference_json
from portwright.redact import redact
from portwright.report.check.said import assumptions, routine
from portwright.report.context import WIDTH, folded
from portwright.report.query_words import QueryWords, versions

SCHEMA = "portwright.query/1"
_ENDS = 8  # ends of a list in the last lines
_LISTED = 3  # flows that need a part, and are spelled out
_RULES = 4  # rules of a part that are spelled out
_LONGEST_PLACE = 60  # columns; behind a longer file name the rule has a line of its own
_TAKEN_FOR_GRANTED = "who sends uses an address of its own zone"
_COLUMNS = (
    "from zone", "to zone", "through", "source", "destination", "service", "passes", "need", "needed by", "replies",
    "arrives as", "permitted by", "translated by", "hangs on", "because", "left out", "IP", "leads on to",
)  # fmt: skip


# ---------------------------------------------------------------------- JSON


def query_json(answer: Answer) -> dict[str, object]:
    """The answer by contract `portwright.query/1`."""
    words = QueryWords(answer.plan.site)
    return {
        "schema": SCHEMA,
        "site": answer.plan.site.name,
        "query": answer.flow.text,
        "verdict": "answered" if answer.is_decided else "undecided",
        "parts": [_part_json(part, words) for part in words.together(answer.parts)],
        "left_out": str(answer.left_out),
        "unfiltered": [_leg_json(leg) for leg in answer.unfiltered],
        "without_path": [_leg_json(leg) for leg in answer.without_path],
        "blocked": [_leg_json(leg) for leg in answer.blocked],
        "notes": list(answer.notes),
        "assumptions": [*assumptions(answer.plan), _TAKEN_FOR_GRANTED],
    }


def _part_json(part: Part, words: QueryWords) -> dict[str, object]:
    return {
        **_leg_json(part.leg),
        "through": list(part.points),
        "passes": part.passage.value,
        "need": part.need.value,
        "needed_by": list(part.needed_by),
        "packets": [_piece_json(piece, words) for piece in part.pieces],
        "left_out": str(part.left_out),
        "permitted_by": _rules_json(part.permitted_by),
        "translated_by": _rules_json(part.translated_by),
        "hangs_on": _rules_json(part.hangs_on),
        "because": part.because or None,
        "leads_on_to": list(part.leads_on_to),
        "replies": "pass" if part.replies_pass else "blocked",
        "replies_blocked_by": _rules_json(part.replies_blocked_by),
    }


def _leg_json(leg: Leg) -> dict[str, object]:
    return {
        "source": leg.source.name,
        "source_zone": leg.source.zone,
        "destination": leg.destination.name,
        "destination_zone": leg.destination.zone,
    }


def _piece_json(piece: Piece, words: QueryWords) -> dict[str, object]:
    return {
        "flow": words.flow(piece.boxes),
        "source": words.end(piece.boxes, Field.SRC),
        "destination": words.end(piece.boxes, Field.DST),
        "service": words.service(piece.boxes),
        "versions": sorted(versions(piece)),
        "arrives_as": words.arriving(piece) or None,
        "packet": piece.packet,
    }


def _rules_json(rules: Iterable[RuleReference]) -> list[dict[str, object]]:
    return [reference_json(rule) for rule in rules]


# ---------------------------------------------------------------------- a table


def query_csv(answer: Answer) -> str:
    """A line for each piece, for each part with more than is said, and for each pair of ends that is not judged."""
    words = QueryWords(answer.plan.site)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(_COLUMNS)
    for part in words.together(answer.parts):
        table.writerows([_safe(cell) for cell in row] for row in _part_rows(part, words))
    for word, legs in (
        ("unfiltered", answer.unfiltered),
        ("no path is declared", answer.without_path),
        ("blocked", answer.blocked),
    ):
        for leg in legs:
            ends = [*leg.zones, "", leg.source.name, leg.destination.name, "", word]
            table.writerow([_safe(cell) for cell in (*ends, *[""] * (len(_COLUMNS) - len(ends)))])
    return out.getvalue().rstrip("\n")


def _part_rows(part: Part, words: QueryWords) -> Iterator[list[str]]:
    start = [*part.leg.zones, ", ".join(part.points)]
    judged = [part.passage.value, part.need.value, "; ".join(part.needed_by)]
    replies = "pass" if part.replies_pass else f"blocked: {_listed(part.replies_blocked_by)}"
    rules = [_listed(rules) for rules in (part.permitted_by, part.translated_by, part.hangs_on)]
    for piece in part.pieces:
        ends = [", ".join(words.end(piece.boxes, field)) for field in (Field.SRC, Field.DST)]
        sent = [*ends, words.service(piece.boxes)]
        yield [*start, *sent, *judged, replies, words.arriving(piece), *rules, *_last(piece, part)]
    if part.left_out:
        yield [*start, "", "", "", *judged, replies, "", *rules, part.because, str(part.left_out), "", ""]


def _last(piece: Piece, part: Part) -> list[str]:
    """The last columns, of which the first are for what is left out."""
    return [part.because, "", " ".join(map(str, sorted(versions(piece)))), ", ".join(part.leads_on_to)]


def _listed(rules: Sequence[RuleReference]) -> str:
    return "; ".join(f"{rule.file}:{rule.line} {redact(rule.text)}".strip() for rule in rules)


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (CWE-1236)."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


# ---------------------------------------------------------------------- text


def query_text(answer: Answer) -> str:
    """The answer for a person, as wide as reports are."""
    words = QueryWords(answer.plan.site)
    lines = folded(f"{answer.plan.site.name}: {answer.flow.text} {_summary(answer)}.")
    shown = words.together(part for part in answer.parts if part.pieces)
    for heading, parts in groupby(shown, key=_heading):
        lines += ["", *folded(heading)]
        lines += [line for part in parts for line in _part_text(part, words)]
    return "\n".join([*lines, "", *_footer(answer)])


def _summary(answer: Answer) -> str:
    """Between which zones it is open, in one sentence."""
    said = []
    for word, parts in (
        ("is open", [part for part in answer.parts if part.passage is Passage.CAN]),
        ("is undecided in part", [part for part in answer.parts if part.passage is Passage.MAY]),
    ):
        said += [f"{word} {_pairs(part.leg for part in parts)}"] if parts else []
    said += [f"meets no firewall {_pairs(answer.unfiltered)}"] if answer.unfiltered else []
    if not said:
        return "does not pass" if answer.blocked else "is not known to pass or not: no path is declared"
    return "; ".join(said)


def _pairs(legs: Iterable[Leg]) -> str:
    """Pairs of zones in a few words: `from app and reports`, `from internet to 3 zones`."""
    zones = dict.fromkeys(leg.zones for leg in legs)
    within = [source for source, destination in zones if source == destination]
    sources = dict.fromkeys(source for source, destination in zones if source != destination)
    destinations = dict.fromkeys(destination for source, destination in zones if source != destination)
    parts = [f"from {_few(list(sources))} to {_few(list(destinations))}"] if sources else []
    return " and ".join([*parts, *([f"within {_few(within)}"] if within else [])])


def _few(names: list[str]) -> str:
    if len(names) > _LISTED:
        return f"{len(names)} zones"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _heading(part: Part) -> str:
    ends = " > ".join(
        end.name if end.name == end.zone else f"{end.name} ({end.zone})"
        for end in (part.leg.source, part.leg.destination)
    )
    return f"{ends}, through {', '.join(part.points)}"


_NEEDS = {
    Need.NOTHING: "nothing needs it",
    Need.ACCEPTED: "accepted:",
    Need.PERMITTED: "permitted for",
    Need.REQUIRED: "required by",
}


def _part_text(part: Part, words: QueryWords) -> Iterator[str]:
    mark = "" if part.passage is Passage.CAN else "[may pass] "
    for piece in part.pieces:
        text = f"{words.flow(piece.boxes)}{_version(piece, part, words)}{_arriving(piece, words)}"
        yield from folded(f"{mark}{text}", "  ", "    ")
    if part.left_out:
        yield f"  and {part.left_out:,} connections more"
    yield from folded(_needed(part), "    ", "      ")
    yield from _rules("", part.permitted_by)
    yield from _rules("translated by", part.translated_by)
    yield from _rules("hangs on", part.hangs_on)
    yield from folded(f"not known: {part.because}", "    ", "      ") if part.because else ()
    if part.leads_on_to:
        onward = f"{part.leg.destination.name} leads it on to {', '.join(part.leads_on_to)}, and nothing stops it there"
        yield from folded(onward, "    ", "      ")
    if not part.replies_pass:
        yield "    the replies, or what follows them, do not pass"
        yield from _rules("blocked by", part.replies_blocked_by)


def _version(piece: Piece, part: Part, words: QueryWords) -> str:
    """That it is one IP version alone, where the words do not show it and the ends have both."""
    found = versions(piece)
    ends = (part.leg.source.addresses, part.leg.destination.addresses)
    others = [version for version in LAST_ADDRESS if version not in found and all(end.family(version) for end in ends)]
    named = [text for field in (Field.SRC, Field.DST) for text in words.end(piece.boxes, field)]
    is_seen = any(":" in text or text[:1].isdecimal() for text in named) or "icmp" in words.service(piece.boxes)
    return f" (IPv{min(found)} alone)" if found and others and not is_seen else ""


def _arriving(piece: Piece, words: QueryWords) -> str:
    """What it arrives as, without the end that stays as it is."""
    sent, arriving = words.flow(piece.boxes), words.arriving(piece)
    if not arriving:
        return ""
    (source, _, to), (inner, _, there) = sent.partition(" > "), arriving.partition(" > ")
    if source == inner and ";" not in f"{sent}{arriving}":
        return f", which arrives at {there}"
    if to == there and ";" not in f"{sent}{arriving}":
        return f", which arrives from {inner.partition(' ')[2]}"
    return f", which arrives as {arriving}"


def _needed(part: Part) -> str:
    more = f" and {len(part.needed_by) - _LISTED} more" if len(part.needed_by) > _LISTED else ""
    by = "; ".join(part.needed_by[:_LISTED]) + more
    if part.need is Need.NOTHING:
        return f"{_NEEDS[part.need]} ({by})" if by else _NEEDS[part.need]
    return f"{_NEEDS[part.need]} {by}"


def _rules(label: str, rules: Sequence[RuleReference]) -> Iterator[str]:
    """Rules, one a line, cut to fit; of one in doubt, or that nobody wrote, why."""
    for rule in rules[:_RULES]:
        place = f"{rule.file}:{rule.line}" if rule.line else rule.file
        head = f"    {f'{label} ' if label else ''}{place}"
        if rule.reason:
            yield from folded(f"{head.strip()}: {redact(rule.reason)}", "    ", "      ")
        text = "" if rule.default else " ".join(redact(rule.text).split())
        if not rule.reason and len(head) <= _LONGEST_PLACE:
            yield _cut(f"{head}  {text}", WIDTH)
        elif text or not rule.reason:
            yield from ([head] if not rule.reason else [])
            yield _cut(f"      {text}", WIDTH)
    if len(rules) > _RULES:
        yield f"    and {len(rules) - _RULES} rules more"


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _footer(answer: Answer) -> Iterator[str]:
    hidden = [part for part in answer.parts if not part.pieces]
    if hidden:
        left_out = sum(part.left_out for part in hidden)
        needs = ", ".join(dict.fromkeys(_NEEDS[part.need].removesuffix(":").split(" by")[0] for part in hidden))
        yield from folded(f"Not shown: {len(hidden)} more parts with {left_out:,} connections, {needs} (--all).")
    for label, legs in (
        ("No firewall stands", answer.unfiltered),
        ("Nothing passes", answer.blocked),
        ("The site declares no path", answer.without_path),
    ):
        if legs:
            yield from folded(f"{label} {'; '.join(_by_source(legs))}.", "", "  ")
    yield from (line for note in answer.notes for line in folded(f"Note: {note}.", "", "  "))
    yield from folded(f"Taken for granted: {'; '.join((*routine(answer.plan.site), _TAKEN_FOR_GRANTED))}.")


def _by_source(legs: Iterable[Leg]) -> Iterator[str]:
    """Pairs of ends: `within data`, `from app to users, admin`; long lists end in how many more there are."""
    found: dict[str, dict[str, None]] = {}
    for leg in legs:
        found.setdefault(leg.source.name, {})[leg.destination.name] = None
    for source, destinations in islice(found.items(), _ENDS):
        if source in destinations:
            yield f"within {source}"
        if others := [name for name in destinations if name != source]:
            more = f" and {len(others) - _ENDS} more" if len(others) > _ENDS else ""
            yield f"from {source} to {', '.join(others[:_ENDS])}{more}"
    if len(found) > _ENDS:
        yield f"from {len(found) - _ENDS} more ends as well (--format json names them)"
