"""Detector models on files: whether they are right, and what they do with messages. Needs neither AWS nor a stack."""
