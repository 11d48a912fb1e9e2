"""A fleet of simulated devices: provisioned by claim, measuring boxes and machines, publishing over MQTT with TLS."""
