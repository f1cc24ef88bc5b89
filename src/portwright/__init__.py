"""Portwright makes application connectivity requirements executable."""

__version__ = "0.1.0"
