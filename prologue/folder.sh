# shellcheck shell=sh disable=SC2154,SC2034 # who reads this sets and uses them
# Whether there is a folder of a job that may be used. Read by lib.sh, `start` and `launch`.

# Set `folder` to that of job $1 in $scratch. Status 1, and nothing in `folder`: there is none, or
# not one that is a folder of the caller's own (it could not be made, and anybody has put something
# else there). It is looked at once: who asks twice can be shown two things. What is found stays,
# for nobody else can take it away in a folder as /tmp is.
own_folder() {
    folder=
    case ${1-} in
        '' | [.-]* | *[!A-Za-z0-9._[\]-]*) return 1 ;;
    esac
    [ -d "$scratch/torque-mesos.$1" ] || return 1
    folder=$(PATH=/usr/bin:/bin find "$scratch/torque-mesos.$1" -maxdepth 0 -type d \
        -uid "$(id -u)" 2> /dev/null)
    [ -n "$folder" ]
}
