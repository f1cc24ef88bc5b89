"""What a person asks about a site: packets in flow notation, or something by its id."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from portwright.catalog.model import Catalog
from portwright.errors import InvalidInput
from portwright.packets.notation import Flow, parse_flow
from portwright.plan.model import Plan, RequiredFlow
from portwright.shapes import shorten, suggestion

_FORMS = "a flow like 'tcp ssrs01 > fe01:808', the id of a flow, a requirement, a service, or a citation such as P61"


class Kind(StrEnum):
    """What is asked about."""

    PACKETS = "packets"
    FLOW = "flow"
    REQUIREMENT = "requirement"
    SERVICE = "service"
    CITATION = "citation"


@dataclass(frozen=True, slots=True)
class Question:
    """Something that one may ask the reason of."""

    text: str  # as written, without needless spaces
    kind: Kind
    packets: Flow | None = None  # of PACKETS
    flow: str = ""  # of FLOW: its id
    requirements: frozenset[str] = frozenset()  # of the others: ids


def ask(plan: Plan, text: str, known: Mapping[str, RequiredFlow]) -> Question:
    """The question that a text means on the site of a plan; `known` are flows by id.

    Raises InvalidInput for what is none, with what may have been meant.
    """
    text = " ".join(text.split())
    if text in known:
        return Question(text, Kind.FLOW, flow=text)
    if ">" in text:
        return _packets(plan, text) if " " in text else _unknown_flow(text, known)
    text = next((id for id in plan.catalog.citations if id.lower() == text.lower()), text)
    for kind, find in _BY_ID.items():
        if (found := find(plan.catalog, text)) is not None:
            return Question(text, kind, requirements=found)
    catalog = plan.catalog
    hint = _about_port(text) or suggestion(text, [*catalog.requirements, *catalog.services, *catalog.citations])
    raise InvalidInput.of(f"'{shorten(text)}' is nothing that can be asked about: it is {_FORMS}", hint=hint)


def _about_port(text: str) -> str:
    """How to ask about a port, for whoever gives only that."""
    words = text.lower().split()
    if not words or not words[-1].isdecimal() or len(words) > 2:
        return ""
    protocols = [word for word in words[:-1] if word in ("tcp", "udp")] or ["tcp", "udp"]
    asked = " or ".join(f"'{protocol} any > any:{shorten(words[-1])}'" for protocol in protocols)
    return f"about a port, ask {asked}"


def _packets(plan: Plan, text: str) -> Question:
    try:
        flow = parse_flow(text, plan.site.resolve)
    except ValueError as problem:
        raise InvalidInput.of(str(problem)) from None
    if flow.point is not None and flow.point not in plan.site.points:
        message = f"there is no enforcement point '{shorten(flow.point)}'"
        raise InvalidInput.of(message, hint=suggestion(flow.point, plan.site.points))
    return Question(flow.text, Kind.PACKETS, packets=flow)


def _unknown_flow(text: str, known: Mapping[str, RequiredFlow]) -> Question:
    requirement = text.partition("/")[0]
    near = [id for id in known if id.startswith(f"{requirement}/")] or known
    hint = suggestion(text, near) or "a flow in flow notation has spaces: 'tcp ssrs01 > fe01:808'"
    raise InvalidInput.of(f"the site has no flow '{shorten(text)}'", hint=hint)


def _requirement(catalog: Catalog, text: str) -> frozenset[str] | None:
    return frozenset([text]) if text in catalog.requirements else None


def _service(catalog: Catalog, text: str) -> frozenset[str] | None:
    if text not in catalog.services:
        return None
    return frozenset(id for id, one in catalog.requirements.items() if one.service == text)


def _citation(catalog: Catalog, text: str) -> frozenset[str] | None:
    """What cites it: requirements, and the requirements of the services that cite it."""
    if text not in catalog.citations:
        return None
    return frozenset(
        id
        for id, one in catalog.requirements.items()
        if text in one.citations or text in catalog.services[one.service].citations
    )


_BY_ID: Mapping[Kind, Callable[[Catalog, str], frozenset[str] | None]] = {
    Kind.REQUIREMENT: _requirement,
    Kind.SERVICE: _service,
    Kind.CITATION: _citation,
}
