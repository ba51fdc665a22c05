"""What leaves for others."""
