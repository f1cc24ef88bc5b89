"""The computers of a rehearsal: who they are, how they reach others, and what listens on them."""
