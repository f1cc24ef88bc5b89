"""What applications need: components, services, requirements, scenarios, and where each is written down."""
