"""What events say: counted, laid out in time, drawn."""
