#!/bin/bash
# Records docs/first-five-minutes.md: a plant's first session with the real programs on two machines, which are network namespaces.
# Wants root, iproute2, mosquitto and openssl. usage: first-five-minutes.sh FOLDER-WITH-THE-PROGRAMS >docs/first-five-minutes.md
set -euo pipefail
programs=$(realpath "$1")
repository=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)
export PATH="$programs:$PATH" HOME="$work"
pids=()

leave() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    ip netns delete hj-office 2>/dev/null || true
    ip netns delete hj-press 2>/dev/null || true
    rm -rf "$work"
}
trap leave EXIT

# Two machines with a cable between them.
ip netns add hj-office
ip netns add hj-press
ip link add hj-a netns hj-office type veth peer name hj-b netns hj-press
ip -n hj-office address add 10.77.0.1/24 dev hj-a
ip -n hj-press address add 10.77.0.2/24 dev hj-b
for side in office:hj-a press:hj-b; do
    ip -n "hj-${side%%:*}" link set lo up
    ip -n "hj-${side%%:*}" link set "${side##*:}" up
done
mkdir "$work/office" "$work/press"
ln -s "$repository" "$work/office/heijunka"

# Folder and prompt of a machine, its command as people type it, what it prints. A failure is shown and does not end the session.
on() { # machine command
    printf '%s$ %s\n' "$1" "$2"
    (cd "$work/$1" && ip netns exec "hj-$1" bash -c "$2" 2>&1 || echo "(exit code $?)") | quiet
}
# Paths of this recording become those that a reader would have.
quiet() { sed -e "s#$work/[a-z]*/##g; s#$work/[a-z]*#.#g; s#$repository#heijunka#g" -e 's/\x1b\[[0-9;]*[A-Za-z]//g' -e 's/\r/\n/g' | cut -c1-180; }
begin() { # machine log command
    printf '%s$ %s\n' "$1" "$3"
    (cd "$work/$1" && exec ip netns exec "hj-$1" bash -c "exec $3" >"$work/$1/$2" 2>&1) &
    pids+=($!)
}
block() { printf '```\n'; "$@"; printf '```\n'; }
section() { printf '\n## %s\n\n' "$1"; }
# The [broker] section of a settings file is replaced by that of make.sh.
with_broker() { # settings broker.toml
    awk -v section="$(cat "$2")" '/^\[/ { inside = $0 ~ /^\[broker\]/; if (inside) print section "\n" } !inside' "$1" >"$1.new"
    mv "$1.new" "$1"
}

cat <<'END'
# The first five minutes

A first session, recorded with the real programs on two machines with a cable between them (`docs/first-five-minutes.sh` makes the machines, runs
every command and wrote this page). The *office* PC has the broker, the aggregator and half of the data; the *press* PC the other half. The
data: 1,941 steel plates, seven kinds of faults (UCI Steel Plates Faults, Semeion), rows go to the two PCs in turn.
END

plates=$repository/demo/assets/steel_plates.csv
[ -f "$plates" ] || plates=$(ls "$repository"/demo/assets/*.csv | head -1)
awk 'NR == 1 || NR % 2 == 0' "$plates" >"$work/office/plates.csv"
awk 'NR == 1 || NR % 2 == 1' "$plates" >"$work/press/plates.csv"

section "Logins and certificates"
block on office "heijunka/broker-config/make.sh plant --site hall-1 --job plates --host 10.77.0.1 office press"
sed -e "s#/etc/mosquitto/heijunka#$work/office/plant/broker#; s#/var/lib/mosquitto/#$work/office/db/#" \
    "$repository/broker-config/production/mosquitto.conf" >"$work/office/mosquitto.conf"
echo "user root" >>"$work/office/mosquitto.conf"
mkdir "$work/office/db"
cat <<'END'

The broker's files are copied to `/etc/mosquitto/heijunka/`, the press's folder to the press PC, and the broker is started.
END
cp -r "$work/office/plant/agents/press/." "$work/press/"
cp "$work/office/plant/aggregator/"{ca.crt,password.txt} "$work/office/"
block begin office mosquitto.log "mosquitto -c mosquitto.conf"
timeout 60 ip netns exec hj-office bash -c 'until (exec 3<>/dev/tcp/10.77.0.1/8883) 2>/dev/null; do sleep 0.1; done'

section "The aggregator's settings"
block on office "heijunka-aggregator init --broker mqtts://10.77.0.1"
cat <<'END'

In an editor: site, job, the `[broker]` section that `make.sh` has made, what is to be learned, and how long.
END
cd "$work/office"
with_broker aggregator.toml plant/aggregator/broker.toml
sed -i 's/^site = "[^"]*"/site = "hall-1"/; s/^job = "[^"]*"/job = "plates"/; s/^max_rounds = .*/max_rounds = 400/; s/^# min_agents = .*/min_agents = 2/' aggregator.toml
block on office "grep -v -e '^#' -e '^\$' aggregator.toml"
block on office "heijunka-aggregator check"

section "The press's settings"
block on press "heijunka-agent inspect plates.csv --target fault | head -30"
block on press "heijunka-agent init --broker mqtts://10.77.0.1"
cat <<'END'

In an editor again; here the quotes are forgotten, and later a letter.
END
cd "$work/press"
with_broker agent.toml broker.toml
sed -i "s/^site = \"[^\"]*\"/site = \"hall-1\"/; s/^job = \"[^\"]*\"/job = plates/; s/^# agent_id = .*/agent_id = \"press\"/; s/^path = .*/path = 'plate.csv'/" agent.toml
block on press "heijunka-agent check"
sed -i 's/^job = plates/job = "plates"/' agent.toml
block on press "heijunka-agent check"
sed -i "s/'plate.csv'/'plates.csv'/" agent.toml
block on press "heijunka-agent check"

section "Training"
cd "$work/office"
mkdir agent && cp plant/agents/office/{ca.crt,password.txt,broker.toml} agent/
sed "s/\"press\"/\"office\"/; s#'plates.csv'#'../plates.csv'#" ../press/agent.toml >agent/agent.toml
with_broker agent/agent.toml agent/broker.toml
block begin office aggregator.log "heijunka-aggregator run"
block begin office office.log "heijunka-agent run --config agent/agent.toml"
block begin press press.log "heijunka-agent run"
aggregator=${pids[1]}
wait "$aggregator"
printf '\nWhat the aggregator logged meanwhile:\n\n'
block quiet <"$work/office/aggregator.log"
printf '\nand the agent at the press:\n\n'
block quiet <"$work/press/press.log"

section "What came of it"
block on office "ls -sh heijunka-output"
block on office "tail -n 3 heijunka-output/history.csv"
block on office "heijunka-aggregator predict --data plates.csv | head -4"
cat <<'END'

`model.onnx` takes raw numbers and gives classes, in any program that knows ONNX ([models.md](models.md)). The agents wait for the next job.
END
