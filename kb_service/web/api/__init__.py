"""The HTTP API, version 1. One blueprint per scope; its key is checked before anything else is looked at."""
