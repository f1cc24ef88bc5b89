"""CRM in a rehearsal: its web site, services on net.tcp, plug-ins, mail carriers, records and their query language."""
