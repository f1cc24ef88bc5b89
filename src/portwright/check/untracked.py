"""What stops a connection at a point of which a rule takes one direction of it out of connection tracking, or both.

To such a point what it has not seen belongs to no connection, whatever it let pass before: the answer to an untracked
request is invalid, or a new datagram, and so is what follows an answer that was untracked (nf_conntrack_proto_tcp.c,
tcp_conntracks). A rule that takes the packet itself out of tracking has the last word on that.
"""

from collections.abc import Iterator
from dataclasses import replace

from portwright.check.obstacle import Obstacle, Trouble
from portwright.check.points import Way
from portwright.check.stops import Stops, swapped
from portwright.packets.fields import State
from portwright.packets.packetset import PacketSet
from portwright.policy.tracking import Untracked
from portwright.site.model import Crossing

_MAY_BE = "it may take packets of this out of connection tracking, and what answers or follows them does not pass"


class UntrackedFlows:
    """What stops flows at points that do not track them."""

    def __init__(self, stops: Stops):
        self._stops = stops

    def concerns(self, there: Crossing, back: Crossing) -> bool:
        """Report whether a point has rules that take packets out of tracking, on the way there or back."""
        view = self._stops.views.get(there.point)
        return view is not None and (view.untracks(there.hook) or view.untracks(back.hook))

    def asked(self, there: Crossing, packets: PacketSet) -> Untracked:
        """The packets on their way to a point that it does not track."""
        return self._stops.views[there.point].untracked(Way.of(there)) & packets

    def at(self, there: Crossing, back: Crossing, packets: PacketSet, is_tcp: bool) -> Iterator[Obstacle]:
        """What stops the replies to packets at a point, or what follows these."""
        asked, replies = self.asked(there, packets), swapped(packets)
        view, way = self._stops.views[back.point], Way.of(back, State.ESTABLISHED)
        yield from self._stops.at(view, way, back, swapped(packets - asked.sure), "reply")
        stray = State.INVALID if is_tcp else State.NEW
        yield from self._strayed(back, stray, Untracked(swapped(asked.sure), swapped(asked.possible)), "reply")
        if is_tcp:
            answered = view.untracked(way) & replies
            lost = Untracked(asked.sure | swapped(answered.sure), asked.possible | swapped(answered.possible))
            yield from self._strayed(there, State.INVALID, lost & packets, "bypass")

    def _strayed(self, crossing: Crossing, state: State, packets: Untracked, kind: Trouble) -> Iterator[Obstacle]:
        """What stops packets that belong to no connection, or may not."""
        view, way = self._stops.views[crossing.point], Way.of(crossing, state)
        sure = list(self._stops.at(view, way, crossing, packets.sure, kind))
        yield from sure
        for obstacle in [] if sure else self._stops.at(view, way, crossing, packets.possible, kind):
            yield replace(obstacle, kind="undecided", reason=_MAY_BE)
