"""Complete, typed pandas frames of the ThousandEyes activity log."""
