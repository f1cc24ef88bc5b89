"""What is asked in a rehearsal: which exchanges stand for a flow, and what comes of each."""
