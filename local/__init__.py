"""The one-machine cloud: starts it, deploys the real template to it, stops it, and leaves nothing behind."""
