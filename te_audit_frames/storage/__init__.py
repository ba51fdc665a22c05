"""Where events stay: one Parquet file, CSV and JSON Lines."""
