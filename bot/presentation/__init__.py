"""What people see, as data: pages, receipts, cards, alerts and charts. Pure."""
