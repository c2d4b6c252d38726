# shellcheck shell=sh disable=SC2154,SC2034 # who reads this sets and uses them
# The processes that a job has left on a host, and their end. Read by the epilogues.
#
# They are the job's user's, never root's, and
# - carry the job's id in their environment, or
# - are of the job's session, or
# - are descendants of the mom's executor, where no other job of the user is here;
# and carry no other job's id. Someone who forges that hurts nobody but himself. Two moms
# may share a host, each with a server of its own, and two servers give the same ids: a
# process whose node file is another mom's (aux/JOB of that one's home; what users have made
# does not count) belongs to that mom's job; so does one that sees other file systems than
# this mom, as in a container beside it.

# Print the processes (a number a line) of session $1, and those below process $2.
related() {
    grep -sH ')' /proc/[0-9]*/stat | awk -v session="$1" -v top="$2" '
        {
            split($0, parts, "/")
            pid = parts[3]
            sub(/.*\)/, "")
            if (NF > 3) { parent[pid] = $2; sessions[pid] = $4 }
        }
        END {
            for (pid in parent) {
                found = session > 1 && sessions[pid] == session
                above = pid
                for (depth = 0; top > 1 && !found && depth < 999; depth++) {
                    above = parent[above]
                    if (above == top) { found = 1 }
                    if (above <= 1) { break }
                }
                if (found) { print pid }
            }
        }'
}

# The executor that the mom runs under, unless the user has another job here.
only_ours() {
    [ -n "$executor" ] && is_root || return 0
    grep -sqza 'torque-mesos-executor$' "/proc/$executor/cmdline" || return 0
    find "$scratch" -maxdepth 1 -name 'torque-mesos.*' -user "$uid" 2> /dev/null |
        grep -Fvxq -- "$folder" || printf '%s\n' "$executor"
}

# Whether $1, a node file by its name, is a mom's: it and its folder are root's, or this mom's.
is_of_a_mom() {
    [ -f "$1" ] &&
        [ -z "$(find "$1" "${1%/*}" -maxdepth 0 ! -uid 0 ! -uid "$(id -u)" 2>&1)" ]
}

# Of the user's processes, their folders in /proc being the arguments, print what is left
# over, a number a line. (Lists of numbers are split on purpose.)
left_over() {
    marked=' ' kin=' '
    # shellcheck disable=SC2013,SC2046
    for folder_of in $(grep -lszxF -- "PBS_JOBID=$job" $(printf '%s/environ ' "$@")); do
        folder_of=${folder_of%/environ}
        marked="$marked${folder_of#/proc/} "
    done
    for pid in $(related "$session" "$above"); do
        kin="$kin$pid "
    done
    for folder_of in "$@"; do
        pid=${folder_of#/proc/}
        case $marked$kin in
            *" $pid "*) ;;
            *) continue ;;
        esac
        # (A child of this script is what runs this function.)
        if [ "$pid" = $$ ] || [ "$pid" = "$PPID" ] ||
            grep -qs "^PPid:[[:blank:]]*$$\$" "$folder_of/status"; then
            continue
        fi
        case $marked in
            *" $pid "*) ;;
            *) ! grep -qsz '^PBS_JOBID=' "$folder_of/environ" || continue ;;
        esac
        [ "$(readlink "$folder_of/ns/mnt")" = "$namespace" ] || continue
        ! grep -qs '^State:[[:blank:]]*Z' "$folder_of/status" || continue
        node_file=$(tr '\0' '\n' 2> /dev/null < "$folder_of/environ" | sed -n 's/^PBS_NODEFILE=//p')
        node_file=$(readlink -f -- "$node_file")
        case $node_file in
            "$real_home/aux/$job") ;;
            */aux/"$job") ! is_of_a_mom "$node_file" || continue ;;
        esac
        printf '%s\n' "$pid"
    done
}

# End them: SIGTERM, two seconds, SIGKILL. $1: the job's session where it is known.
end_left_over() {
    session=$1
    case $session in
        '' | 0 | 1 | *[!0-9]*) session=0 ;;
    esac
    namespace=
    for signal in TERM KILL; do
        for try in 1 2 3 4 5 6 7 8 9 10; do
            # Mostly there is nothing of the user's any more, and so no more to ask.
            mine=$(find /proc -maxdepth 1 -name '[0-9]*' -user "$uid" 2> /dev/null)
            [ -n "$mine" ] || return 0
            if [ -z "$namespace" ]; then
                namespace=$(readlink /proc/self/ns/mnt)
                real_home=$(cd -- "$home" && pwd -P)
                above=$(only_ours)
            fi
            # shellcheck disable=SC2086
            pids=$(left_over $mine)
            [ -n "$pids" ] || return 0
            # shellcheck disable=SC2086
            [ "$try" != 1 ] || kill -s "$signal" $pids 2> /dev/null
            sleep 0.2
        done
    done
    # shellcheck disable=SC2086
    tell "processes of the job outlive SIGKILL:$(printf ' %s' $pids)"
}

# What both epilogues do, with their arguments; the script ends here.
end_job_here() {
    # Whoever ends all that runs on the host ends this, too. What is left of the job dies then.
    trap 'rm -rf -- "$folder" "$home/torque-mesos/jobs/$job"; exit 0' HUP INT TERM
    run_site_scripts "$@" || true
    # Not where this itself runs as that user and within the job: then it would end itself.
    if find_user && [ "$uid" != 0 ] && [ "${PBS_JOBID-}" != "$job" ]; then
        end_left_over "${5-}"
    fi
    problem=$(rm -rf -- "$folder" "$home/torque-mesos/jobs/$job" 2>&1) ||
        tell "cannot remove $folder: $problem"
    exit 0
}
