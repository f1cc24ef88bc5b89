"""A domain for tests, and a computer of it as far as a database wants to know it."""

from portwright.rehearse.hosts.realm import ADMINISTRATOR, PEOPLE, Account, Realm

NAME, PASSWORD = "CONTOSO.TEST", "rose garden"
NODES = "fe01", "sql01", "ssrs01", "be01"
REALM = Realm(
    domain="contoso.test", netbios="CONTOSO", controllers=(), records={},
    hosts={node: f"{node}.contoso.test" for node in NODES},
    administrator=Account(ADMINISTRATOR, NAME, PASSWORD),
    users=tuple(Account(name, NAME, PASSWORD) for name in PEOPLE),
    computers={node: Account(f"svc-{node}", NAME, PASSWORD, (f"MSSQLSvc/{node}.contoso.test:1433",)) for node in NODES},
)  # fmt: skip


class Computer:
    """What a database knows of its host."""

    realm, name, fqdn = REALM, "sql01", "sql01.contoso.test"

    def __init__(self):
        self.log = []

    def say(self, text):
        self.log.append(text)
