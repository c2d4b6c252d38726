# shellcheck shell=sh disable=SC2154,SC2034 # who reads this sets and uses them
# The hosts of a job, as its node file has them: a line for each slot. Read by `prologue`.

# Whether all hosts are names, and resolve here: by the mom's own file of hosts (the
# built-in server's), or as the system does. Sets `wrong` otherwise.
check_hosts() {
    own_names=' '
    if [ -r "$home/hosts" ]; then
        while read -r _ name _; do
            own_names="$own_names$name "
        done < "$home/hosts"
    fi
    unknown=
    while read -r host; do
        case $host in
            '') continue ;;
            -* | *[!A-Za-z0-9._-]*) wrong="not a host name: $host" && return 1 ;;
        esac
        case $own_names in
            *" $host "*) ;;
            *) unknown="$unknown $host" ;;
        esac
    done << END
$1
END
    if [ -z "$unknown" ] || ! command -v getent > /dev/null; then
        return 0
    fi
    # All in one go, which is quick; one by one where one of them does not resolve.
    # (Each is a word without blanks.)
    # shellcheck disable=SC2086
    if timeout 20 getent ahosts $unknown > /dev/null; then
        return 0
    fi
    for host in $unknown; do
        if ! timeout 10 getent ahosts "$host" > /dev/null; then
            wrong="host of this job does not resolve here: $host"
            return 1
        fi
    done
}

# Write the hosts of a node file in the forms that programs like, and hand them over.
write_host_files() {
    if ! problem=$(awk -v folder="$folder" '
        $1 != "" {
            if (!($1 in slots)) { order[++hosts] = $1 }
            slots[$1]++
            print $1 > (folder "/machinefile")
        }
        END {
            for (place = 1; place <= hosts; place++) {
                host = order[place]
                print host > (folder "/hosts")
                print host ":" slots[host] > (folder "/hostfile")
                print host " slots=" slots[host] > (folder "/hostfile.openmpi")
            }
            if (!hosts) { exit 1 }
        }' "$1" 2>&1 && chown -- "$uid:$gid" "$folder/machinefile" "$folder/hosts" \
        "$folder/hostfile" "$folder/hostfile.openmpi" 2>&1); then
        tell "no files of hosts for the job: ${problem:-cannot write to $folder}"
        return 1
    fi
}
