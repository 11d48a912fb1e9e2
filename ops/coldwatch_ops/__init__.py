"""The `coldwatch` command: what people do by hand to an installation of Coldwatch, on AWS or on this machine."""
