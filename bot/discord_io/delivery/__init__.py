"""Delivery of answers: keeps messages equal to pages, over two routes, within the rate limits."""
