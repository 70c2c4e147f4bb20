"""Moving everything in one database into another, of the same kind or of the other one."""
