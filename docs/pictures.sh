#!/usr/bin/env bash
# Makes the README's pictures again: docs/page.png from a real job of six emulated agents, docs/simulate.svg from the simulator.
# Needs Mosquitto, curl, Chromium and ImageMagick. usage: docs/pictures.sh FOLDER-WITH-THE-PROGRAMS
set -euo pipefail
programs=$(realpath "$1")
repository=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)
pids=()
leave() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap leave EXIT
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
begin() {
    (cd "$work" && exec "$@" >>"$work/log" 2>&1) &
    pids+=($!)
}

broker=$(port)
page=$(port)
printf 'listener %s 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n' "$broker" >"$work/mosquitto.conf"
begin mosquitto -c mosquitto.conf

head='site = "hall-1"\njob = "steel-plates"\n'
printf "$head"'[broker]\nurl = "mqtt://127.0.0.1:%s"\n[task]\nkind = "classification"\ntarget = "fault"\ndata = "shared"\n[training]\nmax_rounds = 4000\n[allocation]\nmin_agents = 6\n[web]\nlisten = "127.0.0.1:%s"\n' \
    "$broker" "$page" >"$work/aggregator.toml"
begin "$programs/heijunka-aggregator" run --config aggregator.toml

# The demo's six machines: name, fixed time, microseconds per sample.
while read -r name fixed per_sample; do
    printf "$head"'agent_id = "%s"\n[broker]\nurl = "mqtt://127.0.0.1:%s"\n[data]\npath = "%s"\n[limits]\ncpu_threads = 1\n[emulate]\nfixed = "%s"\nper_sample_us = %s\njitter = 0.1\n' \
        "$name" "$broker" "$repository/demo/assets/steel_plates_faults.csv" "$fixed" "$per_sample" >"$work/$name.toml"
    begin "$programs/heijunka-agent" run --config "$name.toml"
done <<'END'
new-pc 1ms 300.0
office-pc 1ms 500.0
panel-pc 2ms 800.0
press-07 3ms 1250.0
old-pc 4ms 2000.0
arm-board 6ms 3500.0
END

steps() { curl -sf "http://127.0.0.1:$page/state" | python3 -c 'import json, sys; print(json.load(sys.stdin)["round"])' 2>/dev/null || echo 0; }
for _ in $(seq 120); do
    [ "$(steps)" -ge 300 ] && break
    sleep 1
done
[ "$(steps)" -ge 300 ] || { cat "$work/log"; exit 1; }
chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync \
    --user-data-dir="$work/chromium" --window-size=1280,1100 --hide-scrollbars --timeout=5000 \
    --screenshot="$work/page.png" "http://127.0.0.1:$page/" >>"$work/log" 2>&1
convert "$work/page.png" -colors 64 -strip "$repository/docs/page.png"
"$programs/heijunka-study" simulate --fleet busy --plot "$repository/docs/simulate.svg"
ls -l "$repository/docs/page.png" "$repository/docs/simulate.svg"
