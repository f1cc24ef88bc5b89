"""What runs on the computers of a rehearsal: small but true servers, one module for each role."""
