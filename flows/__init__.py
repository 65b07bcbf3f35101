"""The stories: each flow reads as the use case, and files here define flows only."""
