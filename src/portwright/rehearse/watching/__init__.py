"""What the kernel says of the packets of a rehearsal: who saw them, which line decided, what was captured."""
