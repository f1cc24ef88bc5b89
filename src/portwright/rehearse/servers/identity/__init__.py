"""Who is who in a rehearsal: domain controllers, AD FS, and how programs sign in and are signed in."""
