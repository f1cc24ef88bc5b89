"""A policy as it is where what the site vouches for, or what is asked about, is taken as given."""

import re
from collections.abc import Callable
from dataclasses import replace

from portwright.packets.box import NEVER, Match
from portwright.policy.model import Chain, Policy, Rule, Stage
from portwright.site.model import Assumption

_RATE = "a rate limit:"  # how doubts about rate limits begin
_WITHIN = ("limit rate ", "-m limit --limit ", "--hashlimit-upto ")  # of nftables and iptables: holds below the rate
_BEYOND = (" over ", "--hashlimit-above ")  # holds above it
_QUOTED = re.compile(r'"[^"]*"')

# The hop limit of what no router has sent on is 255: RFC 4861, 7.1.
_SENT_FROM_NEARBY = re.compile(r"ip6 hoplimit (?:== |eq )?255\b|(?<!! )--hl-eq 255\b")
_SENT_FROM_AFAR = re.compile(r"ip6 hoplimit (?:!= |ne |< |lt )255\b|(?:! --hl-eq|--hl-lt) 255\b")


def from_neighbors(policy: Policy) -> Policy:
    """The policy as it is for packets from neighbors, where rules that ask for the hop limit are as good as known."""
    chains = (chain for stage in policy.stages for chain in stage.chains.values())
    if all(_met_from_nearby(rule) is rule for chain in chains for rule in chain.rules):
        return policy
    return Policy(tuple(_stage_with(stage, _met_from_nearby) for stage in policy.stages))


def _met_from_nearby(rule: Rule) -> Rule:
    text = _QUOTED.sub("", rule.source.text) if len(rule.match.doubts) == 1 else ""
    if _SENT_FROM_AFAR.search(text):
        return replace(rule, match=NEVER)
    return replace(rule, match=Match.exact(rule.match.possible)) if _SENT_FROM_NEARBY.search(text) else rule


def assuming(policy: Policy, assumptions: tuple[Assumption, ...]) -> Policy:
    """The policy with what the site vouches for taken as given."""
    return Policy(tuple(_stage_with(stage, lambda rule: _assumed(rule, assumptions)) for stage in policy.stages))


def _stage_with(stage: Stage, made_of: Callable[[Rule], Rule]) -> Stage:
    chains = {
        name: Chain(name, tuple(made_of(rule) for rule in chain.rules), chain.source)
        for name, chain in stage.chains.items()
    }
    return replace(stage, chains=chains)


def _assumed(rule: Rule, assumptions: tuple[Assumption, ...]) -> Rule:
    """Limits that are not exceeded match surely; a line that somebody vouches for decides about no packet."""
    for assumption in assumptions:
        if assumption.rate_limits and _is_within_a_rate(rule):
            rule = replace(rule, match=Match(rule.match.possible, rule.match.possible))
        elif _is_vouched_for(rule, assumption):
            rule = replace(rule, match=NEVER, default=True)  # not to be told as a rule without effect
    return rule


def _is_within_a_rate(rule: Rule) -> bool:
    """Report whether a rule matches all it may match as long as no rate is exceeded.

    One with `over` then matches nothing, and one that names its limit does not say which it is: both stay in doubt.
    """
    text = _QUOTED.sub("", rule.source.text)
    limited = bool(rule.match.doubts) and all(doubt.reason.startswith(_RATE) for doubt in rule.match.doubts)
    within = any(words in text for words in _WITHIN)
    return limited and within and not any(words in text for words in _BEYOND)


def _is_vouched_for(rule: Rule, assumption: Assumption) -> bool:
    if rule.default or (rule.match.is_certain and len(rule.action) == 1 if isinstance(rule.action, int) else True):
        return False
    by_line = assumption.line is not None and assumption.line == rule.source.line
    return by_line or (assumption.pattern is not None and assumption.pattern in rule.source.text)
