# shellcheck shell=sh disable=SC2154,SC2034 # who reads this sets and uses them
# The hosts of a job, as its node file has them: a line for each slot. Read by `prologue`.

# Read the node file $1: set `hosts`, each once, and the lines of the files that are made of
# it. Status 1: something there is no name of a host, and `wrong` says so.
read_hosts() {
    hosts='' machine_lines='' slots_lines='' openmpi_lines='' host_lines=''
    if ! count_slots < "$1"; then
        [ -z "$wrong" ] || return 1
        # A host comes again after others: its lines together, once.
        grouped=$(awk '
            NF && !slots[$1]++ { order[++hosts] = $1 }
            END {
                for (place = 1; place <= hosts; place++) {
                    for (name = order[place]; slots[name]; slots[name]--) { print name }
                }
            }' "$1")
        all=$machine_lines hosts='' slots_lines='' openmpi_lines='' host_lines=''
        count_slots << END
$grouped
END
        machine_lines=$all
    fi
}

# Status 1: with `wrong`, as above; without, a host has come again after others.
count_slots() {
    last='' slots=0 mixed=0 wrong='' machine_lines=''
    while read -r host || [ -n "$host" ]; do
        case $host in
            '') continue ;;
            -* | *[!A-Za-z0-9._-]*) wrong="not a host name: $host" && return 1 ;;
        esac
        machine_lines="$machine_lines$host
"
        if [ "$host" = "$last" ]; then
            slots=$((slots + 1))
            continue
        fi
        case " $hosts " in
            *" $host "*) mixed=1 ;;
        esac
        note_host
        hosts="$hosts $host" last=$host slots=1
    done
    note_host
    return "$mixed"
}

note_host() {
    [ -n "$last" ] || return 0
    host_lines="$host_lines$last
" slots_lines="$slots_lines$last:$slots
" openmpi_lines="$openmpi_lines$last slots=$slots
"
}

# Whether all `hosts` resolve here: by the mom's own file of hosts (the built-in server's), or
# as the system does. Sets `wrong` otherwise.
check_hosts() {
    own_names=' ' unknown=''
    if [ -r "$home/hosts" ]; then
        while read -r _ name _; do
            own_names="$own_names$name "
        done < "$home/hosts"
    fi
    # (Each is a word without blanks, here and below.)
    for host in $hosts; do
        case $own_names in
            *" $host "*) ;;
            *) unknown="$unknown $host" ;;
        esac
    done
    if [ -z "$unknown" ] || ! command -v getent > /dev/null; then
        return 0
    fi
    # All in one go, which is quick; one by one where one of them does not resolve.
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

# Write the hosts in the forms that programs like.
write_host_files() {
    if ! problem=$({
        printf %s "$machine_lines" > "$folder/machinefile" &&
            printf %s "$host_lines" > "$folder/hosts" &&
            printf %s "$slots_lines" > "$folder/hostfile" &&
            printf %s "$openmpi_lines" > "$folder/hostfile.openmpi"
    } 2>&1); then
        # What a shell says of a full disk is no more than «I/O error».
        cause=$({ printf %s "$machine_lines$slots_lines$openmpi_lines" |
            cat > "$folder/machinefile"; } 2>&1)
        tell "no files of hosts for the job: ${cause:-${problem:-cannot write to $folder}}"
    fi
}
