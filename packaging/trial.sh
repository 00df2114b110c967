#!/bin/sh
# Tries both packages under a systemd of its own: packaging/trial.sh AGENT.deb AGGREGATOR.deb DATA.csv TARGET
#
# Debian's base system is unpacked (debootstrap) into a temporary folder and started in namespaces of its own, with its own
# network and nothing but loopback in it. The packages are installed, checked and started as packaging/README.md says; the
# aggregator is frozen until the watchdog ends it, the agent is killed, both are upgraded and purged. Needs root, debootstrap
# and cgroups; takes some three minutes. Nothing of the machine itself is changed.
set -eu

here=$(realpath "$0")

# Inside, as the first process of the namespaces: a root with what systemd expects of a container.
if [ "${1:-}" = --boot ]; then
    root=$2
    mount --make-rprivate /
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys" 2>/dev/null || mount --rbind /sys "$root/sys"
    mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
    if [ -d /sys/fs/cgroup/systemd ]; then
        mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
        mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
        mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
    else
        umount "$root/sys/fs/cgroup"
        mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    fi
    mount -t tmpfs tmpfs "$root/run"
    mount -t tmpfs tmpfs "$root/dev"
    for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    touch "$root/dev/console"
    mount --bind /dev/null "$root/dev/console"
    mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue" "$root/dev/hugepages" "$root/.old"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    cd "$root"
    pivot_root . .old
    umount -l /.old
    exec env -i container=trial PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=journal
fi

[ $# -eq 4 ] || { sed -n '2,7s/^# \{0,1\}//p' "$here"; exit 64; }
work=$(mktemp -d)
root=$work/root
outer= first=
finish() {
    # Everything inside goes with the first process.
    [ -z "$first" ] || kill -KILL "$first" 2>/dev/null || true
    [ -z "$outer" ] || wait "$outer" 2>/dev/null || true
    for group in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
        find "$group/heijunka-trial-$$" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    done
    rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

echo "== Debian's base system"
mirror=$(sed -n 's/^URIs: //p; s/^deb \(http[^ ]*\).*/\1/p' /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,mosquitto "$release" "$root" "$mirror" >"$work/log"
cp "$1" "$root/srv/agent.deb"
cp "$2" "$root/srv/aggregator.deb"
cp "$3" "$root/srv/data.csv"
printf 'listener 1883 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n' >"$root/etc/mosquitto/conf.d/trial.conf"

echo "== systemd"
(
    for group in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
        [ -d "$group" ] || group=/sys/fs/cgroup
        mkdir -p "$group/heijunka-trial-$$"
        echo 0 >"$group/heijunka-trial-$$/cgroup.procs"
    done
    exec unshare --pid --mount --uts --ipc --cgroup --net --fork --kill-child sh "$here" --boot "$root"
) &
outer=$!
inside() {
    nsenter -t "$first" -m -u -i -n -p -C -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@"
}
# Waits up to two minutes for a command inside to succeed.
until_true() {
    for _ in $(seq 240); do
        if inside sh -c "$1" >/dev/null 2>&1; then return 0; fi
        sleep 0.5
    done
    echo "after two minutes still not true: $1" >&2
    inside journalctl --no-pager -n 60 -u 'heijunka-*' >&2
    exit 1
}
while ! first=$(ps -o pid= --ppid "$outer" | tr -d ' ') || [ -z "$first" ]; do sleep 0.1; done
until_true 'systemctl is-active dbus mosquitto'

echo "== installed, nothing started"
inside dpkg -i /srv/agent.deb /srv/aggregator.deb
if inside systemctl is-active heijunka-agent; then echo "the agent runs without settings" >&2; exit 1; fi
inside sh -c 'cp /srv/data.csv /var/lib/heijunka/agent/data.csv'
inside sed -i "s/^target = .*/target = \"$4\"/; s/^max_rounds = .*/max_rounds = 1000000/; s/^# data = .*/data = \"shared\"/
    s/^# checkpoint_every = .*/checkpoint_every = \"1s\"/" /etc/heijunka/aggregator.toml
for program in agent aggregator; do
    inside runuser -u heijunka -- heijunka-$program check --config /etc/heijunka/$program.toml
done

echo "== started"
inside systemctl enable --now heijunka-agent heijunka-aggregator
until_true 'systemctl status heijunka-aggregator | grep "Status: .training, round"'
inside systemctl status --no-pager -n 3 heijunka-agent heijunka-aggregator
until_true 'test -e /var/lib/heijunka/aggregator/model.safetensors'

echo "== the agent is killed, the aggregator hangs"
inside systemctl kill --signal=KILL heijunka-agent
inside systemctl kill --signal=STOP heijunka-aggregator
until_true 'test "$(systemctl show -p NRestarts --value heijunka-agent)" = 1'
until_true 'test "$(systemctl show -p NRestarts --value heijunka-aggregator)" = 1'
until_true 'journalctl -u heijunka-aggregator | grep "training .* after round"'
inside journalctl --no-pager -o cat -u heijunka-aggregator | grep -i 'watchdog timeout\|training .* after round'

echo "== upgraded while it runs"
before=$(inside systemctl show -p MainPID --value heijunka-aggregator)
inside dpkg -i /srv/aggregator.deb
until_true "p=\$(systemctl show -p MainPID --value heijunka-aggregator); test \$p != 0 -a \$p != $before"

echo "== purged"
inside dpkg -P heijunka-agent heijunka-aggregator
inside sh -c '! ls -d /etc/heijunka /var/lib/heijunka 2>/dev/null'
echo "passed"
