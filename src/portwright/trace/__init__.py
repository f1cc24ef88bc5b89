"""Scenarios over the configurations, step by step, up to what the user sees."""
