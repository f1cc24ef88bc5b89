"""Conversations without I/O: both sides of the protocols that the catalog's services speak."""
