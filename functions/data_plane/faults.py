"""What is answered for an entry that failed."""

from collections.abc import Callable

from coldwatch.detection.errors import DetectorContestedError, EffectsUnsentError
from data_plane.errors import ApiError, ErrorCode

type FaultOf = Callable[[Exception], ApiError]
"""What is told of an error that is none of the API's own."""


def attempt(what: Callable[[], object], fault_of: FaultOf) -> ApiError | None:
    """What went wrong, if anything did. Everything may be sent again: what is done already is known."""
    try:
        what()
    except ApiError as error:
        return error
    except DetectorContestedError:
        return ApiError(ErrorCode.THROTTLING, "Others were changing the same detector; send it again.")
    except EffectsUnsentError:
        return ApiError(ErrorCode.UNAVAILABLE, "What this set off is stored, and not sent yet; send it again.")
    except Exception as error:  # noqa: BLE001 - an entry's fault must not cost its neighbours
        return fault_of(error)
    return None
