"""Coldwatch on AWS: the only importers of boto3 and botocore. Each module keeps a promise of the pure packages."""
