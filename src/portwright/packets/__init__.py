"""Exact sets of packet headers, single packets, and their text forms; knows no catalog and no vendor."""
