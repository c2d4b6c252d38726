# shellcheck shell=sh disable=SC2154 # who reads this sets them
# How the ssh key of a job is taken away; as the job's user. Read by epilogue.user and clear.

# The private key first: without it the line in ~/.ssh/authorized_keys opens nothing.
remove_key() {
    rm -rf -- "$folder/ssh"
    keys=$(readlink -f -- "$HOME/.ssh/authorized_keys")
    [ -f "$keys" ] || return 0
    new=$keys.torque-mesos.$$
    {
        # A copy has the modes; on a full disk the file stays as it is.
        flock -w 20 9 && cp -p -- "$keys" "$new" && awk -v mark=" torque-mesos $job" '
            substr($0, length($0) - length(mark) + 1) != mark && (NF || !blank) { print }
            { blank = !NF }' "$keys" > "$new" && mv -f -- "$new" "$keys"
    } 9>> "$HOME/.ssh/.torque-mesos.lock" || {
        rm -f -- "$new"
        return 1
    }
}

# Set HOME where a mom has not.
find_home() {
    if [ -z "${HOME-}" ] && find_user; then
        HOME=$user_home
    fi
}
