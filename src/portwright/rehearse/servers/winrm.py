"""Windows Remote Management: shells for administrators, in which commands run."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from portwright.protocols import soap, wsman
from portwright.protocols.conversation import EndOfStream, Misspoken, Refused
from portwright.protocols.http import Request, Response
from portwright.protocols.wsman import Output
from portwright.rehearse.hosts.host import Host, Unanswered, Unplanned
from portwright.rehearse.servers.identity.signing_in import guard_of
from portwright.rehearse.servers.role import Answer
from portwright.rehearse.servers.web import Guard

Run = Callable[[str], Awaitable[str]]  # a command line -> what it says; raises Refused where it fails
_MOST_SHELLS = 25  # as Windows has it for one user


@dataclass(slots=True)
class Shells:
    """The shells of a computer, whoever has opened them."""

    host: Host
    run: Run
    _open: dict[str, dict[str, Output]] = field(default_factory=dict)  # by shell: by command what it said

    def connected(self) -> Answer:
        """What answers a new connection."""
        guard = guard_of(self.host, passwords=True)

        async def answer(question: object) -> object:
            if not isinstance(question, Request) or question.path != wsman.PATH:
                return None
            return await self._page(question, guard)

        return answer

    async def _page(self, request: Request, guard: Guard) -> Response:
        if request.header("wsmanidentify") == "unauthenticated":
            return wsman.identified()
        if stopped := await guard.stop(request):
            return stopped
        return guard.passed(await self._answer(request, guard.user))

    async def _answer(self, request: Request, user: str) -> Response:
        try:
            message = soap.opened(request.body)
            if wsman.is_identify(message):
                return wsman.identified()
            if user != self.host.realm.administrator.name.lower():
                raise Refused("Access is denied.")
            call = wsman.call_of(message)
            return wsman.told(message, call, await self._done(call))
        except (Refused, Misspoken) as problem:
            return soap.failed(str(problem), "Client", "1.2")

    async def _done(self, call: wsman.Call) -> str | Output:
        if isinstance(call, wsman.OpenShell):
            if len(self._open) >= _MOST_SHELLS:
                raise Refused("There are too many shells.")
            shell = str(uuid.uuid4()).upper()
            self._open[shell] = {}
            return shell
        commands = self._open.get(call.shell)
        if commands is None:
            raise Refused("The shell was not found on the server.")
        match call:
            case wsman.RunCommand():
                command = str(uuid.uuid4()).upper()
                commands[command] = await self._said(call)
                return command
            case wsman.Receive(_, command):
                if command not in commands:
                    raise Refused("The command was not found on the server.")
                return commands[command]
            case wsman.Signal(_, command):
                commands.pop(command, None)
            case wsman.CloseShell(shell):
                self._open.pop(shell, None)
        return ""

    async def _said(self, call: wsman.RunCommand) -> Output:
        try:
            return Output((await self.run(wsman.command_line(call))).encode())
        except (Unanswered, Unplanned, Refused, Misspoken, EndOfStream, OSError) as problem:
            self.host.say(f"a command fails: {problem}")
            return Output(error=f"{problem}\r\n".encode(), code=1)
