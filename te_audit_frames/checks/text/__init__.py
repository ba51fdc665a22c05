"""Event texts: English read into an action, an object and an outcome."""
