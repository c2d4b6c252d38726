#!/bin/sh
# Build the Debian packages of this checkout.
#
#     sh dev/deb/build.sh [FOLDER]      default: dist; PYTHON=... names the interpreter to use
#
# DEBFULLNAME and DEBEMAIL name the maintainer. The packages need the same Python (3.11, say) as
# PYTHON, for it becomes that of the virtual environment in /opt/torque-mesos. The versions of
# what is in there are in dev/deb/lock.txt.
# Needs dpkg-deb, and python3 with venv. As any user. Nothing outside FOLDER is written.
set -eu
umask 022
cd "$(dirname "$0")/../.."
deb=dev/deb
mkdir -p "${1:-dist}"
out=$(cd "${1:-dist}" && pwd)
python=${PYTHON:-/usr/bin/python3}

work=$(mktemp -d "$out/.build.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
python_version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
python_next=$("$python" -c 'import sys; print("%d.%d" % (sys.version_info[0], sys.version_info[1] + 1))')
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}"
maintainer="${DEBFULLNAME:-torque-mesos developers} <${DEBEMAIL:-torque-mesos@localhost}>"
changed=$(date -u -R -d "@$SOURCE_DATE_EPOCH")

# compile FOLDER: the modules in it, never to be checked for age, by their names once installed.
compile() {
    "$python" -m compileall -q -s "$root" -p / --invalidation-mode unchecked-hash "$1"
}

# package NAME ARCHITECTURE: what every package has; then the archive.
package() {
    doc=$root/usr/share/doc/$1
    mkdir -p "$doc" "$root/DEBIAN" "$root/usr/share/lintian/overrides"
    cp $deb/copyright "$doc/copyright"
    printf '%s (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md of the project.\n\n -- %s  %s\n' \
        "$1" "$version" "$maintainer" "$changed" |
        gzip -9n >"$doc/changelog.gz"
    cp "$deb/$1.lintian" "$root/usr/share/lintian/overrides/$1"
    for script in postinst prerm postrm; do
        if [ -f "$deb/$1.$script" ]; then
            install -m 755 "$deb/$1.$script" "$root/DEBIAN/$script"
        fi
    done
    sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$2/" -e "s/@MAINTAINER@/$maintainer/" \
        -e "s/@PYTHON@/$python_version/" -e "s/@PYTHON_NEXT@/$python_next/" \
        -e "s/@SIZE@/$(du -sk "$root" | cut -f 1)/" \
        "$deb/$1.control" >"$root/DEBIAN/control"
    (cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\n' | LC_ALL=C sort |
        xargs -d '\n' md5sum >DEBIAN/md5sums)
    if [ -d "$root/etc" ]; then
        (cd "$root" && find etc -type f -printf '/%p\n' | LC_ALL=C sort >DEBIAN/conffiles)
    fi
    chmod -R u=rwX,go=rX "$root"
    find "$root" -depth -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$root" "$out/$1_${version}_$2.deb" >/dev/null
    echo "$out/$1_${version}_$2.deb"
}

# manual PAGE...: manual pages into the package.
manual() {
    for page; do
        folder=$root/usr/share/man/man${page##*.}
        mkdir -p "$folder"
        sed "s/@VERSION@/$version/" "$deb/$page" | gzip -9n >"$folder/$page.gz"
    done
}

architecture=$(dpkg --print-architecture)

# --- the scheduler's host: the virtual environment, its unit and settings ---------------------

root=$work/scheduler
venv=$root/opt/torque-mesos
mkdir -p "$root/opt"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-compile --use-pep517 \
    -c $deb/lock.txt ./packages/http-parser .

# The executor's bundle, and the built-in server's commands, of what is installed there.
"$venv/bin/python" -I - "$work" <<'END'
import pathlib, sys
from torque_mesos.batch.builtin.install import client_files
from torque_mesos.framework.bundle import build_bundle
build_bundle(pathlib.Path(sys.argv[1]) / "bundle")
for name, (content, mode) in client_files().items():
    path = pathlib.Path(sys.argv[1]) / "commands" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
END

"$venv/bin/python" -m pip uninstall -qq -y setuptools pip
rm -f "$venv/lib64"
find "$venv/bin" -mindepth 1 ! -name 'python*' ! -name torque-mesos -delete
find "$venv" -name __pycache__ -prune -exec rm -rf {} +
find "$venv" -name direct_url.json -delete # names the folder that it was built in
find "$venv" -name '*.dist-info' -exec sh -c 'sed -i "/direct_url.json/d;/^\.\.\/\.\.\/\.\.\/bin\//d" "$1/RECORD"' _ {} \;
sed -i "s|$venv|/opt/torque-mesos|g" "$venv/pyvenv.cfg"
grep -rlIZ "^#!$venv" "$venv/bin" | xargs -0 sed -i "1s|$venv|/opt/torque-mesos|"
ln -sf "/usr/bin/python$python_version" "$venv/bin/python3"
if grep -rqF "$work" "$venv"; then
    echo "build.sh: the virtual environment names the folder that it was built in:" >&2
    grep -rlF "$work" "$venv" >&2
    exit 1
fi
compile "$venv/lib"

mkdir -p "$root/usr/bin" "$root/usr/lib/systemd/system" "$root/etc/torque-mesos" "$root/etc/default"
ln -s /opt/torque-mesos/bin/torque-mesos "$root/usr/bin/torque-mesos"
install -D -m 755 scheduler/torquesched.sh "$venv/scheduler/torquesched.sh"
install -m 644 scheduler/torque-mesos.service "$root/usr/lib/systemd/system/torque-mesos.service"
install -m 644 scheduler/torque-mesos.toml "$root/etc/torque-mesos/torque-mesos.toml"
install -m 644 $deb/torque-mesos.default "$root/etc/default/torque-mesos"
manual torque-mesos.8
package torque-mesos-scheduler "$architecture"

# --- agents that do not fetch the executor ------------------------------------------------------

root=$work/executor
mkdir -p "$root/opt" "$root/usr/sbin"
tar -xzf "$work"/bundle/torque-mesos-executor-*.tar.gz -C "$root/opt" --no-same-owner
find "$root/opt" -name __pycache__ -prune -exec rm -rf {} +
compile "$root/opt/torque-mesos-executor"
ln -s /opt/torque-mesos-executor/executor/torque-mesos-executor "$root/usr/sbin/torque-mesos-executor"
manual torque-mesos-executor.8
package torque-mesos-executor "$architecture"

# --- hosts of users: the built-in server's commands ---------------------------------------------

root=$work/client
man=usr/share/man/man1
mkdir -p "$root/opt" "$root/usr/bin" "$root/etc/torque-mesos" "$root/$man"
cp -R "$work/commands" "$root/opt/torque-mesos-client"
compile "$root/opt/torque-mesos-client"
for command in "$root"/opt/torque-mesos-client/bin/*; do
    ln -s "/opt/torque-mesos-client/bin/${command##*/}" "$root/usr/bin/${command##*/}"
    ln -s ../man7/torque-mesos-client.7.gz "$root/$man/${command##*/}.1.gz"
done
install -m 644 $deb/server_name "$root/etc/torque-mesos/server_name"
manual torque-mesos-client.7
package torque-mesos-client "$architecture"
