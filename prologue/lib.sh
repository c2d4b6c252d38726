# shellcheck shell=sh disable=SC2154,SC2034 # who reads this sets and uses them
# What the prologues and epilogues share: read by each, after it has set `script` (its
# name), `home` (the mom's home) and `failed_status` (1 where a failure is to abort the
# job, else 0).
#
# No script of ours ends with another status: TORQUE would queue the job again and start
# it again, at once and for ever. Every argument may hold anything, for users choose them.
# They run with every job, on hosts that are busy: as few other programs as can be.

trap 'status=$?; trap - EXIT; [ "$status" -eq 0 ] || exit "$failed_status"' EXIT
trap 'exit "$failed_status"' HUP INT TERM
PATH=/usr/bin:/bin:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL
umask 077

home=${home%/mom_priv/..}

# The mom's settings for us (torque_mesos/mom/pelog.py writes them). Read, never run.
scratch=/tmp scripts=/etc/torque-mesos limit_s=60 budget_s=232 kill_s=5
executor='' launch=tm bin=
if [ -r "$home/torque-mesos/conf" ]; then
    while IFS='=' read -r key value; do
        case $key in
            scratch) scratch=$value ;;
            scripts) scripts=$value ;;
            limit_s) limit_s=$value ;;
            budget_s) budget_s=$value ;;
            kill_s) kill_s=$value ;;
            executor) executor=$value ;;
            launch) launch=$value ;;
            bin) bin=$value ;;
        esac
    done < "$home/torque-mesos/conf"
fi
: "$scripts" "$limit_s" "$budget_s" "$kill_s" "$executor" "$launch" "$bin"

# shellcheck source=prologue/folder.sh
. "$home/torque-mesos/folder.sh"

# Tell of a failure: in the job's output (on its first host), and in the mom's log folder.
tell() {
    told="torque-mesos $script: $1"
    printf '%s\n' "$told"
    if [ -w "$home/mom_logs" ]; then
        printf '%s %s %s\n' "$(date '+%Y-%m-%dT%H:%M:%S')" "${job:-?}" "$told" \
            >> "$home/mom_logs/pelog"
    fi 2> /dev/null
    return 0
}

fail() {
    tell "$1"
    exit "$failed_status"
}

# Set job, user and folder from a script's first two arguments; fail where they make none.
take_arguments() {
    job='' user=${2-} uid='' gid='' user_home=''
    case ${1-} in
        '' | [.-]* | *[!A-Za-z0-9._[\]-]*) fail "not a job id: ${1-}" ;;
    esac
    job=$1
    folder=$scratch/torque-mesos.$job
    case $user in
        '' | -*) fail "not a user: $user" ;;
    esac
}

# Set uid, gid and user_home, if they are not. Status 1: this host does not know the user.
find_user() {
    [ -z "$uid" ] || return 0
    IFS=: read -r _ _ uid gid _ user_home _ << END
$(getent passwd "$user")
END
    [ -n "$uid" ]
}

# What both prologues must know of the user; fail where it cannot be.
need_user() {
    find_user || fail "no such user here: $user"
    [ -n "$gid" ] || fail "no group of user: $user"
}

# Whether this runs as root.
is_root() {
    while read -r key _ effective _; do
        [ "$key" != Uid: ] || break
    done < /proc/self/status
    [ "$effective" = 0 ]
}

# A job that is aborted before it begins has no epilogue on its further hosts, so what is
# noted of jobs that the mom has no record of any more is removed. (A record may be a little
# younger than its folder. TORQUE names that of 1[2].head 1-2.head.JB.)
remove_old_folders() {
    for note in "$home/torque-mesos/jobs"/*; do
        [ -f "$note" ] || continue
        old=${note##*/} member=${note##*/}
        case $old in
            *\[*\]*) member=${old#*\[} && member=${old%%\[*}-${member%%\]*}${member#*\]} ;;
        esac
        for record in "$home/mom_priv/jobs/$old."* "$home/mom_priv/jobs/$member."*; do
            [ ! -e "$record" ] || continue 2
        done
        if [ -n "$(find "$note" -mmin +10)" ]; then
            rm -rf -- "$scratch/torque-mesos.$old" "$note"
        fi
    done 2> /dev/null
}

# Make the job's folder. Others may have made something of this name. Nobody can enter
# before it is handed over: what root writes there must not be led elsewhere by a link.
make_folder() {
    remove_old_folders
    true 2> /dev/null > "$home/torque-mesos/jobs/$job"
    if [ -e "$folder" ] || [ -L "$folder" ]; then
        rm -rf -- "$folder" 2> /dev/null
    fi
    if ! problem=$(mkdir -m 0700 -- "$folder" 2>&1); then
        tell "no folder for the job: ${problem:-cannot make $folder}"
        return 1
    fi
}

# Give the job's folder to the user, with what is in it.
hand_over() {
    if ! problem=$(chown -Rh -- "$uid:$gid" "$folder" 2>&1); then
        rm -rf -- "$folder" 2> /dev/null
        tell "no folder for the job: ${problem:-cannot give it to $user}"
        return 1
    fi
}

# Run a command as the job's user.
as_user() {
    if is_root; then
        HOME=$user_home setpriv --reuid "$uid" --regid "$gid" --init-groups -- "$@"
    else
        "$@"
    fi
}

# Run another of our scripts, $1, as the job's user. OpenPBS knows no *.user; it gives a prologue
# three arguments and an epilogue ten, and TORQUE never so many.
run_as_user() {
    other=$home/mom_priv/$1
    shift
    as_user "$other" "$@"
}

# Run the site's scripts for this occasion, in the order of their names: those of
# mom_priv/NAME.d, then those of /etc/torque-mesos/NAME.d. The first that fails ends it:
# status 1, and told of. All of them together end before the mom's own time limit: a job whose
# prologue the mom had to end is started again and again.
run_site_scripts() {
    site_end=''
    for site_script in "$home/mom_priv/$script.d"/* "$scripts/$script.d"/*; do
        case ${site_script##*/} in
            '*' | *~ | *.bak | *.dpkg-* | *.rpm*) continue ;;
        esac
        if [ ! -e "$site_script" ]; then
            tell "$site_script leads nowhere"
            return 1
        fi
        if [ ! -f "$site_script" ] || [ ! -x "$site_script" ]; then
            continue
        fi
        if [ -n "$(find -L "$site_script" -perm /022 -o ! -user 0 ! -user "$(id -u)")" ]; then
            tell "$site_script is not run: others than root may change it"
            return 1
        fi
        site_now=$(date +%s)
        site_left=$((${site_end:=$((site_now + budget_s))} - site_now))
        if [ "$site_left" -le 0 ]; then
            tell "$site_script is not run: those before it took the $budget_s s that the mom gives all"
            return 1
        fi
        site_limit=$limit_s
        if [ "$site_left" -lt "${limit_s%.*}" ]; then site_limit=$site_left; fi
        site_status=0
        read -r site_began _ < /proc/uptime
        timeout -k "$kill_s" "$site_limit" "$site_script" "$@" < /dev/null || site_status=$?
        case $site_status in
            0) continue ;;
            124 | 137) ! is_over "$site_began" "$site_limit" || site_status=late ;;
        esac
        case $site_status in
            late) tell "$site_script did not end within $site_limit s" ;;
            137) tell "$site_script ended with status 137, as by SIGKILL" ;;
            *) tell "$site_script ended with status $site_status" ;;
        esac
        return 1
    done
}

# Whether $2 seconds have gone by since $1, a time of /proc/uptime (in hundredths, cut off): a
# script may end by itself with a status that `timeout` has for those which it ended.
is_over() {
    awk -v began="$1" -v limit="$2" '{ exit !($1 - began + 0.02 >= limit) }' /proc/uptime
}
