"""What runs on the computers of a rehearsal: small but true servers, a folder for each product."""
