"""How events arrive: one request done right, the budget, the pages, the decoders, the fetch, and the Client."""
