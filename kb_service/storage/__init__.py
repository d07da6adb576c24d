"""Tables, repositories and the unit of work. No Flask."""
