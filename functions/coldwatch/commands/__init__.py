"""Commands to devices: asked for, delivered, answered or given up. Pure: state in, effects out through ports.

A command execution is one sending of a command to one device. Its statuses are those of AWS IoT Commands.
docs/commands.md tells the whole course.
"""
