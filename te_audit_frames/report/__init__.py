"""Reports: what a person looks at. One HTML file that needs nothing else, and an explorer in Jupyter."""
