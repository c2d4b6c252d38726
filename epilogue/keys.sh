# shellcheck shell=sh disable=SC2154 # who reads this sets them
# How the ssh key of a job is let in, and taken away; as the job's user. Read by prologue.user,
# epilogue.user and clear.

# Change ~/.ssh/authorized_keys by awk with these arguments: whole, or not at all.
change_keys() {
    new=$keys.torque-mesos.$$
    {
        # A copy has the modes; on a full disk the file stays as it is.
        flock -w 20 9 && cp -p -- "$keys" "$new" && awk "$@" "$keys" > "$new" &&
            mv -f -- "$new" "$keys"
    } 9>> "$HOME/.ssh/.torque-mesos.lock" || {
        rm -f -- "$new"
        return 1
    }
}

# Let the key $1, a line, in.
add_key() {
    mkdir -p -- "$HOME/.ssh" || return 1
    keys=$(readlink -f -- "$HOME/.ssh/authorized_keys")
    true >> "$keys" || return 1
    if [ ! -O "$keys" ]; then
        printf '%s is not of %s\n' "$keys" "$user" >&2
        return 1
    fi
    change_keys -v line="restrict $1" '{ print } END { print ""; print line }'
}

# The private key first: without it the line in ~/.ssh/authorized_keys opens nothing.
remove_key() {
    rm -rf -- "$folder/ssh"
    keys=$(readlink -f -- "$HOME/.ssh/authorized_keys")
    [ -f "$keys" ] || return 0
    # shellcheck disable=SC2016 # awk's
    change_keys -v mark=" torque-mesos $job" '
        substr($0, length($0) - length(mark) + 1) != mark && (NF || !blank) { print }
        { blank = !NF }'
}

# Set HOME where a mom has not.
find_home() {
    if [ -z "${HOME-}" ] && find_user; then
        HOME=$user_home
    fi
}
