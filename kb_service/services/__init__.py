"""The product's rules, one verb a module. No Flask, no SQL statements."""
