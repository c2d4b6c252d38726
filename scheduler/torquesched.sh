#!/bin/sh
# Runs torque-mesos on this host, the batch server's and the Mesos master's neighbour.
# It is looked for in the virtual environment beside this folder, then in PATH.
set -eu

usage() {
    cat <<'END'
usage: torquesched.sh MASTER [--config FILE]

Serves a TORQUE queue with nodes from Mesos until it is stopped; jobs go on after that.

  MASTER          HOST:PORT of the Mesos master, or zk://HOST:PORT,.../PATH
  --config FILE   the settings; else $TORQUE_MESOS_CONFIG, ./torque-mesos.toml,
                  /etc/torque-mesos/torque-mesos.toml
END
}

case "${1:-}" in
    -h | --help)
        usage
        exit 0
        ;;
    "" | -*)
        usage >&2
        exit 2
        ;;
esac

here=$(dirname -- "$(readlink -f -- "$0")")
for command in "$here/../.venv/bin/torque-mesos" "$here/../bin/torque-mesos"; do
    if [ -x "$command" ]; then
        exec "$command" run "$@"
    fi
done
if command -v torque-mesos >/dev/null 2>&1; then
    exec torque-mesos run "$@"
fi
echo "torquesched.sh: torque-mesos is neither in $here/../.venv/bin nor in PATH" >&2
exit 127
