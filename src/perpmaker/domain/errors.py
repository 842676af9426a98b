"""The error tree. A class says what the reader should do about it.

PerpmakerError
+-- UserError                  one sentence, exit code 2: change what was asked for
    +-- InvalidSettingError    a flag or setting is wrong
    +-- UnknownNameError       no such symbol, exchange, preset, feed
    +-- RecordingError         a recording cannot be read, or is not one
    +-- JournalError           the journal cannot be opened or written
    +-- StillRunningError      another run of this account and symbol is alive
    +-- ConfigError            a configuration file cannot be read, or something in it is wrong
    +-- CredentialsError       keys are missing, malformed, or lie open to others
"""


class PerpmakerError(Exception):
    """Anything that this program raises on purpose. The message says what was wrong, the value, and what to do."""


class UserError(PerpmakerError):
    """The request cannot be carried out as given; nothing was started."""


class InvalidSettingError(UserError):
    """A setting has a value that it cannot have."""


class UnknownNameError(UserError):
    """A name refers to nothing that this program knows."""


class RecordingError(UserError):
    """A recording is missing, damaged, foreign or contradicts itself."""


class JournalError(UserError):
    """The journal cannot be opened, is of another version, or cannot be written."""


class ConfigError(UserError):
    """A configuration file cannot be read, or a key of it is unknown or has a value that it cannot have."""


class CredentialsError(UserError):
    """Keys of an exchange are missing, cannot be what they should be, or could be read by others. Never shows them."""


class StillRunningError(UserError):
    """Another run trades this symbol on this account: two would undo each other's work."""
