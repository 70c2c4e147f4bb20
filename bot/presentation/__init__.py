"""Presentation: pages, receipts, cards, alerts and charts as data. Pure."""
