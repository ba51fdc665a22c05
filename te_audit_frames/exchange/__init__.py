"""Events and people prepared for others, with pseudonyms in place of names."""
