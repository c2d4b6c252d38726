"""Tasks paid from reserved resources.

Whoever launches says plain cpus and mem, but Mesos wants each part named as it was
offered: what is reserved for a role must say so, or the task is refused for using more
than there is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = Any

# What an offered resource says beside how much there is of it.
_AMOUNT = "scalar"


class Reservations:
    """The usable cpus and mem of each offer that has reserved ones, and what executors hold.

    An ExecutorInfo must be given with every task of the executor, and always be the same.
    What one holds is not known any more after a restart of this process.
    """

    def __init__(self) -> None:
        self._offers: dict[str, list[Json]] = {}
        self._executors: dict[str, list[Json]] = {}

    def keep(self, offer_id: str, resources: Iterable[Json]) -> None:
        """Remember the usable resources of an offer that has reserved ones."""
        self._offers[offer_id] = [dict(each) for each in resources]

    def forget(self, offer_ids: Iterable[str]) -> None:
        """These offers are gone."""
        for offer_id in offer_ids:
            self._offers.pop(offer_id, None)

    def executor_ended(self, executor_id: str) -> None:
        """An executor holds nothing any more; one of the same name is paid anew."""
        self._executors.pop(executor_id, None)

    def clear(self) -> None:
        """All offers are gone."""
        self._offers.clear()

    def pay(
        self, offer_ids: Sequence[str], tasks: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        """The tasks with their resources, and their executors', named as in the offers:
        reserved ones first.

        What an offer does not hold stays as it was asked for, for Mesos to refuse.
        """
        purse = [dict(each) for offer_id in offer_ids for each in self._offers.get(offer_id, ())]
        purse.sort(key=lambda each: not _is_reserved(each))
        return [self._pay_one(task, purse) for task in tasks]

    def _pay_one(self, task: Mapping[str, Any], purse: list[Json]) -> Mapping[str, Any]:
        paid = copy.deepcopy(dict(task))
        executor = paid.get("executor", {})
        if "resources" in executor:
            name = executor["executor_id"]["value"]
            if name not in self._executors:
                self._executors[name] = _take(executor["resources"], purse)
            executor["resources"] = self._executors[name]
        if "resources" in paid:
            paid["resources"] = _take(paid["resources"], purse)
        return paid


def _is_reserved(resource: Json) -> bool:
    return bool(resource.get("reservations")) or resource.get("role", "*") != "*"


def _take(wanted: Iterable[Json], purse: list[Json]) -> list[Json]:
    taken = []
    for resource in wanted:
        if _AMOUNT not in resource:
            taken.append(resource)
            continue
        missing = resource[_AMOUNT]["value"]
        for each in purse:
            part = min(missing, each[_AMOUNT]["value"]) if each["name"] == resource["name"] else 0
            if part > 0:
                taken.append(each | {_AMOUNT: {"value": part}})
                each[_AMOUNT] = {"value": round(each[_AMOUNT]["value"] - part, 3)}
                missing = round(missing - part, 3)
        if missing > 0:
            taken.append(dict(resource) | {_AMOUNT: {"value": missing}})
    return taken
