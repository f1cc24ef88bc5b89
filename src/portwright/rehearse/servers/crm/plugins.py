"""The code of our own that CRM runs in its Sandbox: it knows its record, and reaches the rest by calling back."""

from collections.abc import Awaitable, Callable, Mapping

from portwright.protocols.conversation import Refused
from portwright.protocols.organization_service import Answer, Call, Create, Created, Record, Reference, Retrieve

Service = Callable[[Call], Awaitable[Answer]]  # the organization service, as the user for whom the plug-in runs
Plugin = Callable[[Service, Record], Awaitable[str]]  # what it did, for people; raises Refused


async def follow_up(service: Service, record: Record) -> str:
    """Whoever makes a contact gets a task to call it."""
    contact = await service(Retrieve("contact", record.id, ("fullname",)))
    name = contact.attributes.get("fullname", "") if isinstance(contact, Record) else ""
    return await _task(service, f"Call {name}", Reference("contact", record.id))


async def welcome(service: Service, record: Record) -> str:
    """A new account is written to, when there is time."""
    account = await service(Retrieve("account", record.id, ("name",)))
    name = account.attributes.get("name", "") if isinstance(account, Record) else ""
    return await _task(service, f"Welcome {name}", Reference("account", record.id))


async def _task(service: Service, subject: str, regarding: Reference) -> str:
    made = await service(Create(Record("task", attributes={"subject": subject, "regardingobjectid": regarding})))
    if not isinstance(made, Created):
        raise Refused("the organization service does not say what it has created")
    return f"{subject}: task {made.id}"


PLUGINS: Mapping[str, Plugin] = {  # by type, as it is registered in the database
    "Rehearsal.Plugins.FollowUp": follow_up,
    "Rehearsal.Plugins.Welcome": welcome,
}
