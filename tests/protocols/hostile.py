"""What a network may say: true messages cut and changed, and bytes of no meaning."""

from hypothesis import strategies as st

from portwright.protocols.conversation import (
    Ask,
    EndOfStream,
    Misspoken,
    Refused,
    Secure,
    Send,
    Take,
    TakeSome,
    TakeUntil,
)

MOST_STEPS = 10_000  # that a conversation may take over what it is told here


def recorded(talk, said):
    """The same conversation; what it sends is added to the list `said`."""
    came, error = None, None
    while True:
        try:
            act = talk.throw(error) if error else talk.send(came)
        except StopIteration as end:
            return end.value
        if isinstance(act, Send):
            said.append(act.data)
        try:
            came, error = (yield act), None
        except (Misspoken, EndOfStream) as thrown:
            error = thrown


@st.composite
def broken(draw, messages):
    """A list of messages in which bytes are changed, cut or added, or which are no messages at all."""
    changed = [bytearray(message) for message in messages]
    one = changed[draw(st.integers(0, len(changed) - 1))]
    for _ in range(draw(st.integers(0, 4))):
        if one:
            one[draw(st.integers(0, len(one) - 1))] = draw(st.integers(0, 255))
    del one[draw(st.integers(0, len(one))) if draw(st.booleans()) else len(one) :]
    one += draw(st.binary(max_size=40))
    return draw(st.one_of(st.just([bytes(one) for one in changed]), st.lists(st.binary(max_size=600), max_size=4)))


def hears(talk, messages, answer=None, *, datagrams=False, fitted=lambda sent, message: message):
    """Tell a conversation these messages; a value, Misspoken, Refused or EndOfStream must come of it.

    `fitted` makes a datagram fit what the conversation sent before: it writes the number that was asked into it.
    """
    waiting, came, error, sent = [bytes(one) for one in messages], None, None, b""
    if not datagrams:
        waiting = [b"".join(waiting)]
    for _ in range(MOST_STEPS):
        try:
            act = talk.throw(error) if error else talk.send(came)
        except StopIteration as end:
            return end.value
        except (Misspoken, Refused, EndOfStream) as end:
            return end
        if isinstance(act, Send):
            sent = act.data
        if isinstance(act, TakeSome) and waiting:
            waiting[0] = fitted(sent, waiting[0])
        came, error = _told(act, waiting, answer)
    raise AssertionError("the conversation has no end")


def _told(act, waiting, answer):
    match act:
        case Send() | Secure():
            return None, None
        case Ask(question):
            return answer(question), None
        case TakeSome():
            return (waiting.pop(0) if waiting else b""), None
        case Take(count) if waiting and count <= len(waiting[0]):
            data = waiting[0][:count]
            waiting[0] = waiting[0][count:]
            return data, None
        case TakeUntil(mark, most) if waiting and mark in waiting[0][:most]:
            return _told(Take(waiting[0].index(mark) + len(mark)), waiting, answer)
        case TakeUntil(_, most) if waiting and len(waiting[0]) >= most:
            return None, Misspoken("too long")
    return None, EndOfStream()
