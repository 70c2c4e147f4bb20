"""Keep an answer's messages equal to its pages: routes, rate limits, one edit in flight."""
