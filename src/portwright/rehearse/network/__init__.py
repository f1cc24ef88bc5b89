"""The network of a rehearsal as a value: which nodes and segments stand for a site, and who answers for what."""
