"""Views, modals and items shared by the cogs."""
