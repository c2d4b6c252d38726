"""Floors: slots that are held though no job wants them. By pool, by schedule, and ahead of jobs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torque_mesos.decide.growth import NOTHING, Growth, held_with
from torque_mesos.decide.idle_gpus import idle_gpus, note_gpus
from torque_mesos.decide.packing import Tier
from torque_mesos.decide.pool import DAY_S, Pool, Schedule, Share
from torque_mesos.decide.turn import Turn
from torque_mesos.model import Resources

_THURSDAY = 3  # the first day of 1970


@dataclass
class _Scope:
    """The hosts of a pool, or (`pool` None) all of them.

    `floor` slots are to be held there, and `reserve` of them to be free. `held` and `free`
    are how many are, while nodes are given up.
    """

    pool: Pool | None
    floor: int
    reserve: int
    held: int = 0
    free: int = 0

    def has(self, turn: Turn, name: str) -> bool:
        if self.pool is None:
            return True
        own = turn.pools.of_host(name)
        return own is not None and own.name == self.pool.name


def floor_of(schedules: Iterable[Schedule], local_s: float) -> tuple[int, float]:
    """The floor that schedules ask for at a local time, and when that may change next."""
    day, second = divmod(local_s, DAY_S)
    weekday = (int(day) + _THURSDAY) % 7
    slots, next_s = 0, local_s + DAY_S
    for schedule in schedules:
        today, yesterday = weekday in schedule.days, (weekday - 1) % 7 in schedule.days
        if schedule.until_s > schedule.from_s:
            active = today and schedule.from_s <= second < schedule.until_s
        else:
            begun = today and second >= schedule.from_s
            active = begun or (yesterday and second < schedule.until_s)
        if active:
            slots = max(slots, schedule.slots)
        for edge in (schedule.from_s, schedule.until_s):
            at_s = day * DAY_S + edge
            next_s = min(next_s, at_s if at_s > local_s else at_s + DAY_S)
    return slots, next_s


class Floors:
    """The floors of one decision: `keep` starts what is missing, then `spare` tells what may go."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        scopes = []
        if turn.pools.named:
            own = (pool for pool in turn.pools.all if not turn.pools.shares(pool))
            scopes = [self._scope(pool, pool.share) for pool in own]
        scopes.append(self._scope(None, turn.policy.share))
        self._scopes = [scope for scope in scopes if scope.floor or scope.reserve]

    def _scope(self, pool: Pool | None, share: Share) -> _Scope:
        turn = self._turn
        floor = share.floor_slots
        if share.schedules and turn.wall_s is not None:
            local_s = turn.wall_s + turn.offset_s
            scheduled, next_s = floor_of(share.schedules, local_s)
            floor = max(floor, scheduled)
            turn.timer(turn.now_s + next_s - local_s)
        if (floor or share.reserve_slots) and turn.bounds.exhausted(pool):
            return _Scope(pool, 0, 0)
        return _Scope(pool, floor, share.reserve_slots)

    @property
    def any(self) -> bool:
        """Whether anything is to be held at all."""
        return bool(self._scopes)

    def slots(self, name: str) -> int:
        """The largest floor or reserve that a host is held for."""
        found = (scope for scope in self._scopes if scope.has(self._turn, name))
        return max((max(scope.floor, scope.reserve) for scope in found), default=0)

    # -- growing -----------------------------------------------------------------------

    def short(self, growth: Growth) -> bool:
        """Whether slots are missing to a floor or a reserve, so far."""
        return any(self._missing(growth, scope) > 0 for scope in self._scopes)

    def _missing(self, growth: Growth, scope: _Scope) -> int:
        turn = self._turn
        launched = sum(n for name, n in growth.launches.items() if scope.has(turn, name))
        names = [name for name in turn.workers if scope.has(turn, name) and not turn.old(name)]
        kept = sum(turn.kept_slots(name) for name in names)
        missing = scope.floor - kept - launched
        if scope.reserve:
            ahead = sum(n for name, n in growth.ahead.items() if scope.has(turn, name))
            missing = max(missing, scope.reserve - self._free(growth, scope) - ahead)
        return missing

    def _free(self, growth: Growth, scope: _Scope) -> int:
        """Slots that no job has or waits for, of what is held and stays."""
        turn = self._turn
        if not growth.hosts:
            names = (n for n in turn.workers if scope.has(turn, n) and not turn.closed(n))
            return sum(max(0, turn.kept_slots(name) - _used(turn, name)) for name in names)
        return sum(
            host.up_to(Tier.STARTING)
            for host in growth.hosts.values()
            if host.tier <= Tier.STARTING
            and host.tier is not Tier.DRAINING
            and scope.has(turn, host.name)
        )

    def keep(self, growth: Growth) -> None:
        """Keep or start what is missing. Jobs that wait for room come first."""
        for scope in self._scopes:
            missing = self._missing(growth, scope)
            if missing > 0:
                missing = self._start(growth, scope, self._undrain(growth, scope, missing))
            if missing > 0 and self._could_be(growth, scope):
                growth.floor_short += missing  # else a bound is nearer than the floor

    def _undrain(self, growth: Growth, scope: _Scope, missing: int) -> int:
        turn = self._turn
        for name in sorted(growth.hosts):
            drains = growth.hosts[name].tier is Tier.DRAINING and name not in growth.online
            drains = drains and not turn.drains_jobs(name)  # its slots are kept ones already
            if missing <= 0:
                break
            if drains and scope.has(turn, name) and not growth.parts_unplaced:
                growth.online.add(name)
                missing -= turn.workers[name].slots
        return missing

    def _start(self, growth: Growth, scope: _Scope, missing: int) -> int:
        turn = self._turn
        offered = (
            host
            for host in growth.hosts.values()
            if host.tier is Tier.OFFERED and host.free > 0 and scope.has(turn, host.name)
        )
        for host in sorted(offered, key=lambda host: (-host.free, host.name)):
            if missing <= 0:
                break
            name, taken = host.name, growth.ahead.get(host.name, 0)
            launched = growth.launches.get(name, 0)
            pool = turn.pools.of_host(name)
            for slots in range(min(host.free - taken, missing), 0, -1):
                in_the_way = growth.takes_room(turn, name, launched + slots)
                if in_the_way:
                    continue
                extra = Resources(0.0, 0.0, idle_gpus(turn, growth, name))
                if self._bears(growth, pool, int(not launched), slots, extra):
                    more = turn.policy.slot * slots + extra
                    turn.bounds.add(pool, int(not launched), more)
                    note_gpus(turn, growth, name)
                    growth.new_extra += extra
                    if extra.gpus:
                        growth.extras[name] = extra
                    growth.launches[name] = launched + slots
                    growth.ahead[name] = taken + slots
                    missing -= slots
                    break
        return missing

    def _could_be(self, growth: Growth, scope: _Scope) -> bool:
        """Whether a bound bears one more node with a slot somewhere in the scope."""
        pools = self._turn.pools
        some = pools.all if scope.pool is None else (scope.pool,)
        return any(self._bears(growth, pool, 1, 1) for pool in some if not pools.shares(pool))

    def _bears(
        self,
        growth: Growth,
        pool: Pool | None,
        nodes: int,
        slots: int,
        extra: Resources = NOTHING,
    ) -> bool:
        """Whether the bounds bear so much more, beside the room that waiting jobs need."""
        turn = self._turn
        waiting = growth.unplaced_in(turn, pool)
        nodes += max((request.hosts for request in waiting), default=0)
        slots += max((request.slots for request in waiting), default=0)
        held = held_with(turn, growth)
        return turn.bounds.over(pool, nodes, turn.policy.slot * slots + extra, held) is None

    # -- what may go -------------------------------------------------------------------

    def count(self, growth: Growth) -> None:
        """Count what is held and free, before anything is given up."""
        turn = self._turn
        for scope in self._scopes:
            names = (name for name in turn.workers if scope.has(turn, name))
            scope.held = sum(turn.kept_slots(name) for name in names)
            scope.free = self._free(growth, scope) if scope.reserve else 0

    def spare(self, name: str) -> int:
        """How many of the free slots of a host may be given up."""
        most = self._turn.kept_slots(name)
        unknown = self._turn.pools.of_host(name) is None
        for scope in self._scopes:
            if unknown and scope.pool is not None:  # it may be of this one
                most = most if scope.held >= scope.floor and scope.free >= scope.reserve else 0
            elif scope.has(self._turn, name):
                most = min(most, scope.held - scope.floor)
                if scope.reserve and not self._turn.closed(name):
                    most = min(most, scope.free - scope.reserve)
        return max(0, most)

    def keeper(self, name: str, slots: int) -> str:
        """What does not let go of so many slots of a host: the floor, or the reserve."""
        mine = [scope for scope in self._scopes if scope.has(self._turn, name)]
        below = any(scope.held - slots < scope.floor for scope in mine)
        reserved = not self._turn.closed(name) and any(
            scope.reserve and scope.free - slots < scope.reserve for scope in mine
        )
        return "the reserve" if reserved and not below else "the floor"

    def released(self, name: str, slots: int) -> None:
        """Note that free slots of a host are given up."""
        for scope in self._scopes:
            if scope.has(self._turn, name):
                scope.held -= slots
                scope.free -= 0 if self._turn.closed(name) else slots


def _used(turn: Turn, name: str) -> int:
    node = turn.records.get(name)
    return 0 if node is None else len(node.slots)
