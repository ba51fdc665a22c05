"""How events arrive: the client, its fetches, their pages and requests, the rate limit, and the decoders."""
