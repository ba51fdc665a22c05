"""What deserves a look: the checks of a review, and the vocabulary that they use."""
