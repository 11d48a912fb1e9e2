"""What is computed of an incident's readings, and the report that says it. Pure: no clock, no environment, no I/O."""
