"""What can go wrong with stored detectors.

DetectionError
├── EffectError             an effect cannot be written, read, or carried out; no retry helps
├── EffectsUnsentError      the queue did not take effects; their detectors keep them
├── StoredDetectorError     a stored detector cannot be read
├── CheckpointMovedError    another delivery has got on with the shard meanwhile
└── DetectorContestedError  other writers got in before us too often
"""


class DetectionError(Exception):
    pass


class EffectError(DetectionError):
    pass


class EffectsUnsentError(DetectionError):
    pass


class StoredDetectorError(DetectionError):
    pass


class CheckpointMovedError(DetectionError):
    pass


class DetectorContestedError(DetectionError):
    pass
