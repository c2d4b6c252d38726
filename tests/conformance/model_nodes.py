"""Nodes, their slots and their moms, in the model."""

from __future__ import annotations

from tests.conformance.model_records import Job, Mom, Node


class Hosts:
    """The part of the model that knows who has which slot."""

    jobs: dict[str, Job]
    nodes: dict[str, Node]
    moms: dict[str, Mom]

    def held(self, node: str) -> dict[str, tuple[int, ...]]:
        """The slots of a node that each job has."""
        return {
            job.name: slots
            for job in self.jobs.values()
            if job.on_nodes
            for name, slots in job.slots
            if name == node
        }

    def free(self, node: str) -> list[int]:
        """The slots of a node that can be had now, the lowest first."""
        if not self.nodes[node].usable:
            return []
        taken = {slot for slots in self.held(node).values() for slot in slots}
        taken |= self.nodes[node].lost
        return [slot for slot in range(self.nodes[node].np) if slot not in taken]

    def fits_defined(self, count: int, ppn: int) -> bool:
        """Whether the nodes, all of them idle, could hold it."""
        return sum(node.np >= ppn for node in self.nodes.values()) >= count

    def lose(self, job: Job) -> None:
        """A job leaves its nodes: where np fell since it came, its slots are nobody's now."""
        for name, slots in job.slots if job.on_nodes else []:
            node = self.nodes[name]
            if node.np < job.np_at_start[name]:
                node.lost |= {slot for slot in slots if slot < node.np}

    def set_np(self, name: str, np: int) -> None:
        node = self.nodes[name]
        node.np = np
        node.lost = {slot for slot in node.lost if slot < np}

    def lowest_np(self, name: str) -> int:
        """What np may fall to without a slot in use."""
        used = [slot for slots in self.held(name).values() for slot in slots]
        return max(used, default=0) + 1

    def lists(self) -> None:
        """Moms are told of each other: new records wait for a usable node whose mom is dead."""
        if all(self.moms[n].alive for n, node in self.nodes.items() if node.usable):
            for node in self.nodes.values():
                if node.unsent:
                    node.unsent = node.offline = False

    def report(self, node: str) -> set[str]:
        """A mom reports; the jobs that it must forget."""
        record = self.nodes[node]
        if record.unsent:
            return set()
        record.down = False
        mom = self.moms[node]
        purged = {name for name in mom.jobs if name not in self.held(node)}
        for name in purged:
            del mom.jobs[name]
            mom.ending.pop(name, None)
        return purged

    def mark(self, node: str, offline: bool) -> bool:
        if self.nodes[node].unsent:
            return False
        self.nodes[node].offline = offline
        return True
