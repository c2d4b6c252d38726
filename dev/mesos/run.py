"""Run a development Mesos in the foreground, until Ctrl-C.

    python -m dev.mesos.run --work-dir DIR [--agents 3] [--port 5050]
                            [--resources "cpus:2;mem:2048"]

Prints where the master and the agents are once all are registered. Nothing of the
cluster outlives this program: executors and their tasks end with it.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from dev.mesos.cluster import Cluster, ClusterError
from dev.mesos.install import InstallError, build_folder, install


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--agents", type=int, default=3)
    parser.add_argument("--port", type=int, default=5050, help="0 for a free one")
    parser.add_argument("--resources", default="cpus:2;mem:2048")
    parser.add_argument("--attributes", default="", help="such as rack:r1;zone:z2")
    return parser.parse_args()


def main() -> int:
    """Install if need be, run, wait for a signal. The answer is the exit code."""
    options = _arguments()
    hostnames = [f"n{i}.cluster.test" for i in range(1, options.agents + 1)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        install(build_folder())
        with Cluster(
            options.work_dir,
            hostnames,
            resources=options.resources,
            attributes=options.attributes,
            port=options.port,
        ) as cluster:
            print(f"master {cluster.master}")
            for hostname in hostnames:
                print(f"agent {hostname} {cluster.agent_endpoint(hostname)}")
            print("ready", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except InstallError as error:
        print(error, file=sys.stderr)
        return error.code
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
