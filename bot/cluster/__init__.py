"""What the cluster did and what it was told to do: events, figures over time, switches of the model. Pure."""
