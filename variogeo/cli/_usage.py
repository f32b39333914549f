"""UsageError: options that do not go together, which the parser by itself cannot tell."""


class UsageError(Exception):
    """A call that is wrong whatever the files hold: exit code 2."""
