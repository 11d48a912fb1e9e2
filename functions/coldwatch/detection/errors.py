"""What can go wrong with stored detectors.

DetectionError
├── EffectError             an effect cannot be written, read, or carried out; no retry helps
├── TargetFailedError       what an effect was to set off has failed; a later try may not
├── EffectsUnsentError      the queue did not take effects; their detectors keep them
├── StoredDetectorError     a stored detector cannot be read
├── CheckpointMovedError    another delivery has got on with the shard meanwhile
├── OvertakenError          somebody wrote the shard's checkpoint meanwhile
└── DetectorContestedError  other writers got in before us too often
"""


class DetectionError(Exception):
    pass


class EffectError(DetectionError):
    pass


class TargetFailedError(DetectionError):
    pass


class EffectsUnsentError(DetectionError):
    pass


class StoredDetectorError(DetectionError):
    pass


class CheckpointMovedError(DetectionError):
    pass


class OvertakenError(DetectionError):
    pass


class DetectorContestedError(DetectionError):
    pass
