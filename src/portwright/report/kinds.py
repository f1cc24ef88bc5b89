"""What each kind of finding means and what to do about it, for reports that explain themselves.

The words are those of docs/findings.md: its table, and the first sentences of its sections.
"""

from dataclasses import dataclass

from portwright.findings import Kind


@dataclass(frozen=True, slots=True)
class Meaning:
    """One kind of finding in words."""

    says: str  # in a few words
    means: str  # in a sentence
    to_do: str  # in a sentence


MEANINGS: dict[Kind, Meaning] = {
    Kind.MISSING: Meaning(
        "a required flow is blocked",
        "A flow that the application requires is blocked at this point for at least one packet, whatever the lines mean"
        " that could not be modelled.",
        "Permit the flow before the deciding line.",
    ),
    Kind.UNPLACED: Meaning(
        "a component that something needs runs nowhere",
        "A requirement needs a component, and no host or group of the site has it as a role.",
        "Give the role, or one that implies it, to a host; the finding names them.",
    ),
    Kind.REPLY: Meaning(
        "a request passes, and its reply does not",
        "The first packet passes and the answer to it does not.",
        "Accept established connections, or permit the way back; for an ICMP echo on an ASA, `inspect icmp`.",
    ),
    Kind.REPLY_BYPASSES: Meaning(
        "replies go around a firewall that must see them",
        "The paths of the site file let a firewall see only one direction of a connection: the replies go around it, or"
        " come through it without the request.",
        "Correct the routing, or the `back` of the path if the site file is wrong.",
    ),
    Kind.ASSERTION: Meaning(
        "a test of the site file does not hold",
        "A line under `tests` in the site file does not hold: an `allow` where some packet or reply does not pass, or a"
        " `deny` where some packet does.",
        "Look at the witness and the rules; correct the configuration or the test.",
    ),
    Kind.EXPIRED: Meaning(
        "the last day of an entry of the site file is over",
        "An entry under `accept`, `except` or `assume` has an `until` that lies in the past, so it no longer counts.",
        "Remove what is no longer needed, or let its owner renew it.",
    ),
    Kind.EXCESS: Meaning(
        "something passes that nothing needs",
        "A rule permits packets that no requirement, no accepted entry and no supporting traffic needs.",
        "Narrow the rule.",
    ),
    Kind.DRIFT: Meaning(
        "the site file says one port, and the host has another",
        "A setting of the site file is not what the host is really set to, as the file of its firewall shows: what is"
        " proved is proved for a port on which nobody listens.",
        "Correct the site file, or the host.",
    ),
    Kind.DISAGREEMENT: Meaning(
        "proof, rehearsal and probe contradict each other",
        "The proof, the rehearsal in a real kernel and the probe of the live network give different answers for the"
        " same flow.",
        "Compare the configurations that were read with the ones in force.",
    ),
    Kind.UNDECIDED: Meaning(
        "the answer depends on something that Portwright does not know",
        "The answer depends on something that Portwright does not know: a line that it cannot model, a translation"
        " whose way it does not follow, a path that nobody declared, a configuration that was not given, a choice"
        " between servers that the site does not make, a firewall that no path crosses, an interface that the site file"
        " does not name, a route that contradicts it, private addresses that leave for the Internet although nobody is"
        " seen to translate them.",
        "Look at the line.",
    ),
    Kind.SHADOWED: Meaning(
        "a rule never decides",
        "Earlier rules decide about every packet that this rule matches, so that it never does.",
        "Move the rule up or remove it.",
    ),
    Kind.REDUNDANT: Meaning(
        "a rule can go without any change",
        "Without this rule the configuration would do the same.",
        "Remove it, unless it is there for its counter or its log.",
    ),
    Kind.UNUSED: Meaning(
        "nothing refers to an object",
        "An object, group, list or chain is defined, and nothing that decides about packets refers to it.",
        "Remove it, or find out where it was meant to be used.",
    ),
    Kind.LINT: Meaning(
        "something else that a careful person would change",
        "Anything else that a careful person would change: a rule that permits everything from anywhere to anywhere, an"
        " entry of the site file that covers everything, a configuration that calls itself by the name of another"
        " point, a name that is used and not defined.",
        "The message says what.",
    ),
    Kind.NOTE: Meaning(
        "something worth knowing that changes no answer",
        "Something worth knowing that changes no answer, such as a file that may be cut off, or a form of configuration"
        " that a later release no longer has.",
        "Nothing, or look once.",
    ),
}
