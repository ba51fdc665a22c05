"""What deserves a look: questions that a review asks of events, one module each."""
