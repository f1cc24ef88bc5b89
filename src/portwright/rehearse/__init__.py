"""Rehearses a deployment: its hosts, routers and rules in network namespaces, with real packets."""
