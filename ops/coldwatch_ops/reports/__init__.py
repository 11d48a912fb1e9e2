"""Reports of incidents: shown, fetched with all that they are made of, and checked against their manifest."""
