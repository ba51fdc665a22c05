"""Judging: what the checks found, with a severity and a sentence each."""
