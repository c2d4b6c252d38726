"""A second framework on the same Mesos: jobs for which it leaves room run in the end."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulate.worlds import hosts, job, played, trace
from torque_mesos.decide import Policy
from torque_mesos.model import Resources
from torque_mesos.simulate.cloud import other_task
from torque_mesos.simulate.report import report
from torque_mesos.simulate.run import Options


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_jobs_that_fit_wherever_its_tasks_are_end(data: st.DataObject) -> None:
    """Each of its tasks may be on another host; jobs ask for no more hosts than are left."""
    count = data.draw(st.integers(3, 8))
    cpus = data.draw(st.sampled_from([4, 8, 16]))
    share = data.draw(st.sampled_from([0.1, 0.2, 0.4]))
    most = share * count * cpus
    tasks = int(most // other_task(Resources(float(cpus), 1024.0 * cpus), most).cpus)
    jobs = [
        job(number, submit_s, run_s, f"{nodes}:ppn={ppn}")
        for number, (submit_s, run_s, nodes, ppn) in enumerate(
            data.draw(
                st.lists(
                    st.tuples(
                        st.integers(0, 40_000),
                        st.integers(1, 4000),
                        st.integers(1, count - tasks),
                        st.integers(1, cpus),
                    ),
                    min_size=1,
                    max_size=10,
                )
            )
        )
    ]
    found = report(
        played(
            trace(hosts(count, cpus), *jobs),
            Options(other_share=share, seed=data.draw(st.integers(0, 99))),
            Policy(grace_s=data.draw(st.sampled_from([0.0, 5.0, 900.0]))),
        )
    )
    assert (found.ended, found.unended, found.beside) == (found.jobs, 0, 0)
