"""Where an application runs: zones, hosts, enforcement points, paths, translations, settings."""
