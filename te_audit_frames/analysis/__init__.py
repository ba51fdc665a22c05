"""What events say: summaries, activity over time, resources and plots."""
