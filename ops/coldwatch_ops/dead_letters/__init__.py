"""What was given up on: messages that a topic rule could not deliver, batches that the store could not process."""
