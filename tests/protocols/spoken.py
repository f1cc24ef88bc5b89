"""A conversation of two generators, without any socket: what one sends, the other takes."""

from portwright.protocols.conversation import Ask, EndOfStream, Misspoken, Secure, Send, Take, TakeSome, TakeUntil


class Side:
    """One side: its generator, what waits for it, and what came of it."""

    def __init__(self, talk, answer=None):
        self.talk, self.answer, self.inbox, self.datagrams = talk, answer, bytearray(), []
        self.result, self.over, self.act = None, False, None
        self._go(lambda: next(self.talk))

    def _go(self, go):
        try:
            self.act = go()
        except StopIteration as end:
            self.result, self.over, self.act = end.value, True, None

    def reply(self, value):
        self._go(lambda: self.talk.send(value))

    def throw(self, error):
        self._go(lambda: self.talk.throw(error))


def talked(client, server, answer=None, *, datagrams=False):
    """Run both to the client's end; what the client returned. `answer` is the application behind the server."""
    sides = Side(client), Side(server, answer)
    while not sides[0].over:
        moved = [_step(one, other, datagrams) for one, other in (sides, sides[::-1])]
        if not any(moved):
            if sides[0].over:
                break
            raise AssertionError(f"both wait: {sides[0].act}, {sides[1].act}")
    return sides[0].result


def _step(one, other, datagrams):
    """Do what one side asks for, as long as it can be done; whether anything was."""
    moved = False
    while not one.over:
        match one.act:
            case Send(data):
                (other.datagrams.append(data) if datagrams else other.inbox.extend(data))
                one.reply(None)
            case Secure():
                one.reply(None)
            case Ask(question):
                one.reply(one.answer(question))
            case TakeSome() if datagrams and one.datagrams:
                one.reply(one.datagrams.pop(0))
            case TakeSome() if one.inbox or other.over:
                data = bytes(one.inbox)
                one.inbox.clear()
                one.reply(data)
            case Take(count) if len(one.inbox) >= count:
                one.reply(_cut(one, count))
            case TakeUntil(mark, most) if mark in one.inbox[:most]:
                one.reply(_cut(one, one.inbox.index(mark) + len(mark)))
            case TakeUntil(_, most) if len(one.inbox) >= most:
                one.throw(Misspoken("too long"))
            case Take() | TakeUntil() if other.over:
                one.throw(EndOfStream())
            case _:
                return moved
        moved = True
    return moved


def _cut(side, count):
    data = bytes(side.inbox[:count])
    del side.inbox[:count]
    return data
