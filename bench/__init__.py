"""Measures time and memory against size."""
