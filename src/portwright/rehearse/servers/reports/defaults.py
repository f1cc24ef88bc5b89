"""The reports that an organization has from the beginning: one of each kind, by SQL and by FetchXML."""

from collections.abc import Mapping

from portwright.protocols.report_service import FETCH_DATA, SQL_DATA, DataSet, Definition
from portwright.rehearse.hosts.realm import Realm
from portwright.rehearse.servers.sql.records import organization_database

SQL_REPORT, FETCH_REPORT = "Account Summary", "Contacts by Account"
_CONTACTS = (
    '<fetch><entity name="contact"><attribute name="fullname" /><order attribute="fullname" />'
    '<link-entity name="account" from="accountid" to="parentcustomerid" alias="company">'
    '<attribute name="name" /></link-entity></entity></fetch>'
)
DEFAULT_REPORTS: Mapping[str, Definition] = {
    SQL_REPORT: Definition(
        (DataSet("accounts", SQL_DATA, "SELECT name, address1_city, revenue FROM FilteredAccount ORDER BY name"),)
    ),
    FETCH_REPORT: Definition((DataSet("contacts", FETCH_DATA, _CONTACTS),)),
}


def folder(realm: Realm) -> str:
    """Where the report server keeps the reports of the organization."""
    return f"/{organization_database(realm)}"
