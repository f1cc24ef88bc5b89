"""The same sets in another program: binary decision diagrams of OxiDD over the bits of the header.

Nothing is shared with the code under test but the domains of the fields. What a real packet looks like is written down
here a second time.
"""

from math import prod

from oxidd.bcdd import BCDDManager

from portwright.packets.fields import LAST, LAST_ADDRESS, PORT_PROTOCOLS, Field


class Oracle:
    """Functions over header bits; most significant bits first, so that comparisons stay small."""

    def __init__(self):
        manager = BCDDManager(1 << 18, 1 << 16, 1)
        self.false, self.true = manager.false(), manager.true()
        self.bits = {}
        for name, last in LAST.items():
            self.bits[name] = [manager.var(at) for at in manager.add_vars(last.bit_length())]
        self.variables = sum(last.bit_length() for last in LAST.values())

    def box(self, box):
        """The headers of a box."""
        found = self.true
        for name, ranges in box.constraints:
            found &= self.among(name, ranges)
        return found

    def among(self, name, ranges):
        """The headers whose field has one of the values."""
        found = self.false
        for first, last in ranges:
            found |= self.at_most(name, last) & ~self.at_most(name, first - 1)
        return found

    def at_most(self, name, limit):
        """The headers whose field is at most `limit`."""
        if limit < 0:
            return self.false
        found = self.true
        for place, bit in enumerate(reversed(self.bits[name])):
            found = found | ~bit if limit >> place & 1 else found & ~bit
        return found

    def real(self):
        """The headers that packets have, unused fields zero."""
        found = self.false
        for version, icmp in ((4, 1), (6, 58)):
            end = LAST_ADDRESS[version]
            family = self.is_(Field.VERSION, version) & self.at_most(Field.SRC, end) & self.at_most(Field.DST, end)
            if version == 6:
                family &= ~self.among(Field.PROTOCOL, [(0, 0), (43, 44), (60, 60)])
            ports = self.among(Field.PROTOCOL, [(number, number) for number in PORT_PROTOCOLS])
            family &= ports | (self.is_(Field.SPORT, 0) & self.is_(Field.DPORT, 0))
            family &= self.is_(Field.PROTOCOL, icmp) | (self.is_(Field.TYPE, 0) & self.is_(Field.CODE, 0))
            found |= family & (self.is_(Field.PROTOCOL, 6) | self.is_(Field.FLAGS, 0))
        return found & self.at_most(Field.STATE, LAST[Field.STATE])

    def is_(self, name, value):
        """The headers whose field has this value."""
        return self.among(name, [(value, value)])

    def count(self, function):
        """How many real headers it holds."""
        return (function & self.real()).sat_count(self.variables)


def volume(box):
    """How many headers a box holds, real or not."""
    return prod(sum(last - first + 1 for first, last in box.get(name)) for name in Field)
