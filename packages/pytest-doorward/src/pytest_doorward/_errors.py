"""The one error of this package."""


class DoorwardError(Exception):
    """What failed and, where it is known, the mend."""
