# SPDX-License-Identifier: Apache-2.0
"""What drivers were asked about some sources, where no other answers matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vfiocompat.decision.answers import gpu_things, things

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vfiocompat.endpoints import Endpoint, Thing

__all__ = ["About"]


class About(NamedTuple):
    """What drivers were asked about some sources: the same of any, and of vGPUs."""

    things: frozenset[Thing]
    vgpus: tuple[Endpoint, ...]

    @classmethod
    def of(cls, sources: Sequence[Endpoint]) -> About:
        """Give what is asked about sources."""
        asked = {thing for source in sources for thing in things(source)}
        vgpus = {each.vgpu_metadata: each for each in sources if each.vgpu_metadata}
        return cls(frozenset(asked), tuple(vgpus.values()))

    def of_endpoint(self, endpoint: Endpoint) -> Collection[Thing]:
        """Give what an endpoint is asked about them."""
        if not self.vgpus or not any(each.is_of_gpu for each in endpoint.answers):
            return self.things
        of_gpu = [gpu_things(source, endpoint) for source in self.vgpus]
        return self.things.union(*of_gpu)
