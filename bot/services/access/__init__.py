"""Who may do what: operators, profiles, quotas."""
