"""An OpenAI-compatible HTTP API, through which programs ask in the same queue as people. Loaded when it is on."""
