"""Who allocated the objects of a slab cache, by the callers that SLAB_STORE_USER keeps."""

from vmtriage.models.base import Address, Model


class SlabUser(Model):
    """One caller among the sampled objects. `caller` is where the allocation returns to."""

    function: str
    module: str | None = None
    count: int
    share: float  # of the sampled objects, 0..1
    pids: tuple[int, ...] = ()  # of the tasks that it ran in, the most frequent first
    caller: Address
    track: Address  # of one of its objects: the kernel's struct track


class SlabUsers(Model):
    """A sample of the objects of the cache that holds most memory.

    tracked: the kernel kept the callers (slub_debug=U); else there are no users. reclaimable: the
    kernel can give the objects back when memory is short.
    """

    cache: str
    tracked: bool
    reclaimable: bool = False
    objects_sampled: int = 0
    slabs_sampled: int = 0
    users: tuple[SlabUser, ...] = ()  # the most frequent first
