"""What a table of rules says, and what it cannot."""

from portwright.platforms.about import About, Entry

ABOUT = About(
    export=(
        Entry(
            "the firewall's own export, or by hand",
            "a file of comma-separated values with a line of titles; semicolons and tabs between cells are understood, "
            "and rows may come in any order",
        ),
    ),
    modelled=(
        Entry("`order`", "a number; rules are tried from the smallest on, and the first that matches decides"),
        Entry("`action`", "`permit` (or `allow`, `accept`), `deny` (or `drop`), `reject`"),
        Entry(
            "`from`, `to`",
            "the interface or zone by which packets come and leave, by the name that the site file uses for it under "
            "`interfaces`; `any` or empty for all",
        ),
        Entry(
            "`source`, `destination`", "addresses, networks and ranges of IPv4 and IPv6 with `;` between them, or `any`"
        ),
        Entry(
            "`service`",
            "`tcp/443`, `udp/53,123`, `tcp/49152-65535`, `icmp/echo`, `icmp`, `esp`, or a protocol's number, with `;` "
            "between them, or `any`",
        ),
        Entry("replies", "of connections that were permitted pass, and so do related packets"),
        Entry("no row", "what no row permits is dropped"),
    ),
    inert=(Entry("`remark`", "anything; the column may be left out"),),
    uncertain=(),
    refused=(Entry("a row that is not understood", "nothing is judged then"),),
    impossible=(
        Entry("address translation", "where the firewall does it, say so in the site file, under `nat`"),
        Entry(
            "time ranges, users, applications", "where the firewall has them, do not use a table for it, or `assume`"
        ),
        Entry("single ICMP types other than echo", ""),
        Entry("source ports", ""),
    ),
)
