"""The scenarios of the catalog as their own clients play them, against the servers of a rehearsal."""
