"""Storage of events: archives, Parquet files, CSV and JSON Lines."""
