"""Daemons of Debian that play roles of a site in its lab: domain controllers, time, mail, IPsec."""
