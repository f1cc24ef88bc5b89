"""The answer to "why?", as JSON by contract and as text for a person."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap

from portwright.catalog.crossref import is_erratum
from portwright.catalog.model import Catalog, Citation, Necessity, Phase, Reading, Requirement, Scenario, Status
from portwright.check.extent import without_source_port
from portwright.packets.box import Boxes
from portwright.plan.asked import Kind
from portwright.plan.model import DEFAULT_PHASES, Plan
from portwright.plan.why import Answer, Need, StepNeeds, by_effect
from portwright.policy.text import box_text
from portwright.report.check.document import break_json
from portwright.report.context import WIDTH
from portwright.report.plan.document import citation_json, flow_members
from portwright.report.plan.rows import listed as names
from portwright.report.plan.rows import merged
from portwright.site.model import Accept, Exemption
from portwright.site.naming import site_naming

SCHEMA = "portwright.why/1"
_ROWS = 12  # rows of one requirement
_SHOWN = 6  # flows beside what was asked about


# ---------------------------------------------------------------------- JSON


def why_json(answer: Answer, plan: Plan) -> dict[str, object]:
    """The answer by contract `portwright.why/1`."""
    cited = dict.fromkeys(_cited(answer))
    return {
        "schema": SCHEMA,
        "site": plan.site.name,
        "question": answer.question.text,
        "kind": answer.question.kind.value,
        "verdict": answer.verdict,
        "flows": [_need_json(need) for need in answer.needs],
        "local": [{"requirement": use.requirement.id, "host": use.host.name} for use in answer.local],
        "without": _without_json(answer, plan),
        "unneeded": _texts(answer.rest, plan),
        "accepted": [_entry_json(entry) for entry in answer.accepts],
        "expired": [_entry_json(entry) for entry in answer.expired],
        "excepted": [_entry_json(entry) for entry in answer.exceptions],
        "replies_to": [flow.id for flow in answer.replies_to],
        "nearest": [flow.id for flow in answer.nearest],
        "ways": [list(way) for way in answer.ways],
        "open": [finding.message for finding in answer.open],
        "nowhere": [{"requirement": one.id, "because": reason} for one, reason in answer.nowhere],
        "would": [{"requirement": one.id, "when": str(one.when)} for one in answer.would],
        "references": {id: _citation_json(plan.catalog, id) for id in cited},
    }


def breaks_json(
    scenario: Scenario, steps: Sequence[StepNeeds], left_out: Mapping[str, str], plan: Plan
) -> dict[str, object]:
    """What a scenario needs, step by step, by contract `portwright.why/1`."""
    flows = {need.flow.id: need for taken in steps for need in taken.needs}
    cited = dict.fromkeys(id for need in flows.values() for id in need.flow.requirement.citations)
    return {
        "schema": SCHEMA,
        "site": plan.site.name,
        "question": scenario.id,
        "kind": "scenario",
        "flows": [_need_json(need) for need in flows.values()],
        "steps": [_step_json(needs, left_out) for needs in steps],
        "references": {id: _citation_json(plan.catalog, id) for id in cited},
    }


def _need_json(need: Need) -> dict[str, object]:
    return {
        **flow_members(need.flow),
        "readings": [reading.value for reading in need.readings],
        "alternatives": [one.id for one in need.alternatives],
        "breaks": [break_json(broken) for broken in need.breaks],
    }


def _without_json(answer: Answer, plan: Plan) -> list[dict[str, object]]:
    return [
        {
            "scenario": scenario,
            "title": plan.catalog.scenarios[scenario].title,
            "effect": breaks[0].effect.value,
            "steps": list(dict.fromkeys(broken.step for broken in breaks)),
        }
        for scenario, breaks in by_effect(broken for need in answer.needs for broken in need.breaks).items()
    ]


def _step_json(needs: StepNeeds, left_out: Mapping[str, str]) -> dict[str, object]:
    step = needs.step
    return {
        "step": step.step,
        "carries": step.carries,
        "effect": step.effect.value if step.opens else None,
        "user_sees": step.user_sees or None,
        "rides": step.rides or None,
        "flows": [flow.id for flow in needs.flows] if step.opens else [],
        "local": list(dict.fromkeys(use.host.name for use in needs.local)) if step.opens else [],
        "missing": list(needs.missing),
        "left_out": left_out.get(step.step),
    }


def _entry_json(entry: Accept | Exemption) -> dict[str, object]:
    until = entry.until.isoformat() if entry.until else None
    return {"about": entry.about, "reason": entry.reason, "owner": entry.owner or None, "until": until}


def _citation_json(catalog: Catalog, id: str) -> dict[str, object]:
    return {**citation_json(catalog, id), "erratum": is_erratum(catalog.citations[id])}


def _cited(answer: Answer) -> Iterator[str]:
    """The citations of an answer: the one that was asked about first."""
    if answer.question.kind is Kind.CITATION:
        yield answer.question.text
    for need in answer.needs:
        yield from need.flow.requirement.citations
    for use in answer.local:
        yield from use.requirement.citations
    for requirement, _ in answer.nowhere:
        yield from requirement.citations


# ---------------------------------------------------------------------- text


def why_text(answer: Answer, plan: Plan) -> str:
    """The answer for a person: who needs it, what breaks without it, where that is written."""
    parts = [
        wrap(f"{answer.question.text}: {_headline(answer)}", WIDTH, break_on_hyphens=False),
        *_blocks(answer, plan.catalog),
        _rest(answer, plan),
        _without(answer),
        _around(answer),
        _nearest(answer),
        *_written([plan.catalog.citations[id] for id in dict.fromkeys(_cited(answer))], plan.catalog),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _headline(answer: Answer) -> str:
    number = len({need.flow.id for need in answer.needs if need.is_opened})
    flows = "1 flow of this site needs it" if number == 1 else f"{number} flows of this site need it"
    if number or answer.verdict == "needed":
        return flows if number else "it is needed, but it crosses no network"
    if answer.question.kind is not Kind.PACKETS and answer.verdict == "unneeded":
        return "no flow of this site comes of it"
    return {
        "printed": "nothing on this site needs it; the documents print it all the same",
        "accepted": "nothing on this site needs it; somebody answers for it",
        "undecided": "it cannot be said whether this site needs it",
        "unneeded": "nothing on this site needs it",
    }[answer.verdict]


def _blocks(answer: Answer, catalog: Catalog) -> Iterator[list[str]]:
    """Requirement by requirement: what for, between whom, since when, where that is written."""
    by_requirement: dict[tuple[str, tuple[Reading, ...]], list[Need]] = {}
    for need in answer.needs:
        by_requirement.setdefault((need.flow.requirement.id, need.readings), []).append(need)
    for needs in by_requirement.values():
        lines = [*_block(needs[0].flow.requirement, catalog), *_flows(needs), *_wrapped(_standing(needs[0]), "  ")]
        yield lines + _alternatives(needs)
    served: dict[str, list[str]] = {}
    for use in answer.local:
        if not any(id == use.requirement.id for id, _ in by_requirement):
            served.setdefault(use.requirement.id, []).append(use.host.name)
    for id, hosts in served.items():
        line = f"{names(hosts)}: {'it serves itself' if len(hosts) == 1 else 'each serves itself'}, no packet leaves it"
        yield [*_block(catalog.requirements[id], catalog), *_wrapped(line, "  ")]
    for requirement, reason in answer.nowhere:
        yield [*_block(requirement, catalog), *_wrapped(f"no flow on this site: {reason}", "  ")]


def _block(requirement: Requirement, catalog: Catalog) -> list[str]:
    cited = [catalog.citations[id] for id in requirement.citations]
    written = " ".join(one.id for one in cited if not is_erratum(one))
    errata = " ".join(one.id for one in cited if is_erratum(one))
    where = "; ".join(text for text in (written, errata and f"errata {errata}") if text)
    return _wrapped(f"{requirement.id}: {requirement.purpose}{where and f' ({where})'}", "", "  ")


def _flows(needs: Sequence[Need]) -> list[str]:
    rows = merged(need.flow for need in needs)
    lines = []
    for row in rows[:_ROWS]:
        sources, destinations = (names([end.name for end in ends]) for ends in (row.sources, row.destinations))
        lines += _wrapped(f"{sources} > {destinations} {row.opening}, {_through(row.via)}", "  ", "    ")
    more = len(rows) - _ROWS
    return lines + ([f"  and {more} more rows of flows"] if more > 0 else [])


def _alternatives(needs: Sequence[Need]) -> list[str]:
    """Flows beside those in question of which one is enough."""
    asked = {need.flow.id for need in needs}
    others = dict.fromkeys(one for need in needs for one in need.alternatives if one.id not in asked)
    ends = names(list(dict.fromkeys(f"{one.source.name} > {one.destination.name}" for one in others)))
    return _wrapped(f"nothing breaks while another of them passes: {ends}", "  ", "    ") if others else []


def _through(way: str) -> str:
    return way if way.startswith(("no ", "inside ")) else f"through {way}"


def _standing(need: Need) -> str:
    """In which phase and reading it is needed, and how much."""
    requirement, necessity = need.flow.requirement, _NECESSITIES[need.flow.necessity]
    if requirement.status is not Status.CURRENT:
        return f"{requirement.status.value}: printed, and opened by the literal reading alone"
    only = "" if requirement.phase in DEFAULT_PHASES else "only "
    standing = f"{necessity} {only}{_PHASES[requirement.phase]}"
    return f"{standing}{_READINGS.get(need.readings, '')}"


_READINGS: Mapping[tuple[Reading, ...], str] = {
    (Reading.CORRECTED,): "; not printed so: the literal reading does not open it",
    (Reading.LITERAL,): "; as printed: the corrected reading does not open it",
}
_NECESSITIES = {
    Necessity.REQUIRED: "required",
    Necessity.OPTIONAL: "optional",
    Necessity.ONE_OF: "one of several is required",
}
_PHASES = {
    Phase.SETUP: "in setup",
    Phase.CONFIGURE: "to configure",
    Phase.RUN: "to run",
    Phase.ADMINISTER: "to administer",
}


def _rest(answer: Answer, plan: Plan) -> list[str]:
    """Part of the question that nothing needs."""
    texts = _texts(answer.rest, plan)
    return _wrapped(f"Nothing needs the rest of it: {'; '.join(texts)}", "", "  ") if texts else []


def _texts(boxes: Boxes, plan: Plan) -> list[str]:
    naming = site_naming(plan.site)
    return [box_text(without_source_port(box), naming=naming) for box in boxes]


def _without(answer: Answer) -> list[str]:
    """What breaks, the worst first."""
    found = by_effect(broken for need in answer.needs for broken in need.breaks)
    rows = [
        (broken.effect.value, scenario, f"step {broken.step}: {broken.user_sees}")
        for scenario, breaks in found.items()
        for broken in breaks
    ]
    if rows:
        return ["Without it", *_table(rows)]
    opened = any(need.is_opened for need in answer.needs)
    return ["Without it no scenario of this site breaks, as far as the catalog knows."] if opened else []


def _around(answer: Answer) -> list[str]:
    """What the site itself says about the packets, and where they go."""
    lines = [f"Somebody answers for it: {_entry(entry)}" for entry in answer.accepts]
    lines += [f"Somebody answered for it, and no longer does: {_entry(entry)}" for entry in answer.expired]
    lines += [f"It is denied on purpose: {_entry(entry)}" for entry in answer.exceptions]
    for entry in answer.accepted_rules:
        lines.append(f"At {entry.at} somebody answers for whatever rules with '{entry.rule}' open: {_entry(entry)}")
    if answer.tolerated:
        lines.append("Every network needs some of it: path-MTU discovery, and in IPv6 neighbor discovery.")
    lines += [f"Something may need it all the same: {finding.message}" for finding in answer.open]
    lines += [f"{one.id} would need it where {one.when}: {one.purpose}" for one in answer.would]
    if answer.question.packets is not None and not any(need.is_opened for need in answer.needs):
        lines += [f"It would cross {' > '.join(way) or 'no firewall'}." for way in answer.ways]
        at = answer.question.packets.point
        none = f"No way of it crosses {at}." if at else "The way that it would go is not declared, or there are many."
        lines += [] if answer.ways else [none]
    return [part for line in lines for part in _wrapped(line, "", "  ")]


def _entry(entry: Accept | Exemption) -> str:
    until = f"until {entry.until}" if entry.until else ""
    return f"{entry.about} ({', '.join(word for word in (entry.reason, entry.owner, until) if word)})"


def _nearest(answer: Answer) -> list[str]:
    lines = []
    for title, flows in (
        ("These are the replies to", answer.replies_to),
        ("The nearest that is needed", () if answer.replies_to else answer.nearest),
    ):
        if flows:
            lines += [title]
            rows: dict[tuple[str, str], list[str]] = {}
            for flow in flows:
                ends = f"{flow.source.name} > {flow.destination.name}"
                rows.setdefault((ends, flow.describe()), []).append(flow.requirement.id)
            lines += _table([(*row, names(ids, 3)) for row, ids in rows.items()][:_SHOWN])
    return lines


def _written(citations: Sequence[Citation], catalog: Catalog) -> Iterator[list[str]]:
    """What is written, document by document; errata last."""
    by_document: dict[str, list[Citation]] = {}
    for citation in sorted(citations, key=is_erratum):
        by_document.setdefault(citation.reference, []).append(citation)
    width = max((len(one.id) for one in citations), default=0)
    for reference, found in by_document.items():
        lines = _wrapped(catalog.references[reference].title, "", "  ")
        for one in found:
            said = ": ".join(text for text in (one.lines and f"line {one.lines}", one.says) if text)
            lines += _wrapped(f"{one.id:<{width}}  {said}".rstrip(), "  ", " " * (width + 4))
        yield lines


# ---------------------------------------------------------------------- a scenario


def breaks_text(scenario: Scenario, steps: Sequence[StepNeeds], left_out: Mapping[str, str], plan: Plan) -> str:
    """What a scenario needs for a person: step by step, and what happens without it."""
    number = len({flow.id for needs in steps if needs.step.step not in left_out for flow in needs.flows})
    head = f"{scenario.title}: {number} flow{'' if number == 1 else 's'}, step by step"
    width = max((len(needs.step.step) for needs in steps), default=0)
    blocks = [[head]]
    for needs in steps:
        margin = " " * (width + 4)
        lines = _wrapped(f"{needs.step.step:<{width}}  {needs.step.carries}", "  ", margin)
        blocks.append(
            lines + [part for line in _step(needs, left_out) for part in _wrapped(line, margin, margin + "  ")]
        )
    cited = [plan.catalog.citations[id] for id in scenario.citations]
    return "\n\n".join("\n".join(block) for block in (*blocks, *_written(cited, plan.catalog)))


def _step(needs: StepNeeds, left_out: Mapping[str, str]) -> Iterator[str]:
    step = needs.step
    if step.step in left_out:
        yield f"not taken here: {left_out[step.step]}"
    elif step.rides:
        yield f"on the connection of step {step.rides}"
    else:
        for row in merged(needs.flows):
            sources, destinations = (names([end.name for end in ends]) for ends in (row.sources, row.destinations))
            yield f"{row.requirement.id}: {sources} > {destinations} {row.opening}, {_through(row.via)}"
        if needs.local:
            yield f"on the same host: {names(list(dict.fromkeys(use.host.name for use in needs.local)))}"
        for id in needs.missing:
            yield f"{id}: not placed"
        yield f"without it: {step.effect.value}: {step.user_sees}"


# ---------------------------------------------------------------------- layout


def _wrapped(text: str, first: str, then: str | None = None) -> list[str]:
    then = first if then is None else then
    return wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )


def _table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows, the last column as wide as there is room."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    lines = []
    for *cells, text in rows:
        head = "  " + "".join(f"{cell:<{width + 2}}" for cell, width in zip(cells, widths, strict=True))
        lines += _wrapped(f"{head}{text}", "", " " * len(head))
    return lines
