"""What a careful person would change in one configuration, without knowing what it is for."""
