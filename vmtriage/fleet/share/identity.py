"""Which dump it is: by content, so that a copy elsewhere is the same one."""

from vmtriage.models.found import Found, Identity


def identify(found: Found) -> Identity:
    """Reads the header and a sample of at most some 100 KB, never all of a dump.

    A damaged dump has an id too, of its size and sample; `Identity.damage` then says what is wrong
    with it. Raises ShareAway (retryable) where reading failed in a way that may pass, NoInput
    where it may not (permission, vanished).
    """
    raise NotImplementedError
