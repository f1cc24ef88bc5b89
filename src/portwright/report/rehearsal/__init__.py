"""A rehearsal, as JSON by contract, as JUnit XML for build servers, and as text for a person."""
