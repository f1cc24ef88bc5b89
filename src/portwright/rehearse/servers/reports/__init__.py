"""Reporting Services in a rehearsal: reports are kept, run and shown."""
