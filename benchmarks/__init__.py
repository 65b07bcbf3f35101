"""What speed costs, measured in pairs."""
