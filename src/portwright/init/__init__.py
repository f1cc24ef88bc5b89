"""Writes a site file to begin with: from a topology, from answers, or from the configurations that exist."""
