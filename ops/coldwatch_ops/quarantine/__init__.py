"""What did not fit: listing it, looking at it, and sending it again after a fix."""
