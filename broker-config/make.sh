#!/bin/sh
# Makes what a plant's broker and its users need: CA, certificates, passwords, access list, [broker] settings.
# Asks for a POSIX shell, openssl and mosquitto_passwd. Calling it again changes only what is new or was taken away.
set -eu
umask 077
LC_ALL=C
export LC_ALL

usage() {
    cat >&2 <<END
usage: make.sh FOLDER --site SITE --job JOB --host NAME [options] [AGENT...]
       make.sh FOLDER AGENT...            later: more agents of the same job
       make.sh FOLDER                     after a user's folder was deleted: takes its rights away

  FOLDER            where everything is kept and added to; keep it where only you can read it
  --site, --job     as in the programs' settings; if omitted, more agents join the plant's only job
  --host NAME       name or address at which the programs reach the broker (may be given more than once; the first
                    one goes into the settings). Needed the first time only
  --certificates    agents and aggregator made by this call have client certificates instead of passwords
  --people NAME     a login for one more tool that reads what is published for people ('people' is always made)
  --line LINE       the AGENTs are behind the broker of this production line, which gets a bridge to this broker
  AGENT             an agent_id: write it into that agent's settings (agent_id = "press-07"), or its rights do not fit
END
    exit 64
}

fail() {
    echo "make.sh: $*" >&2
    exit 1
}

# A level of a topic.
check_level() {
    case $2 in
        '' | *[/+#[:cntrl:]]* | '$'* | ' '* | *' ') fail "'$2' cannot be a $1: no / + #, no space at its ends, no \$ first" ;;
    esac
    [ ${#2} -le 64 ] || fail "'$2' is longer than 64 bytes"
}

# A user: also a file's name, a certificate's common name and a line of the password file.
check_user() {
    case $1 in
        '' | [-.]* | *[]/+#:\;,=\&\|\<\>\(\)*?[\"\'\`\$\\[:cntrl:][:space:]]*)
            fail "'$1' cannot be a user: write letters, digits, . _ -" ;;
    esac
    [ ${#1} -le 64 ] || fail "'$1' is longer than 64 bytes"
}

# A name or an address, as a certificate and a URL have it.
check_host() {
    case $1 in
        '' | [-.]* | *[!A-Za-z0-9.:_-]*) fail "'$1' is neither a name nor an address" ;;
    esac
}

add_line() { # line file: once
    [ -f "$2" ] && grep -Fqx -e "$1" "$2" || printf '%s\n' "$1" >>"$2"
}

new_key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve -out "$1" \
        2>"$work/log" || fail "openssl: $(cat "$work/log")"
}

openssl_quietly() {
    openssl "$@" 2>"$work/log" || fail "openssl $1: $(cat "$work/log")"
}

# openssl's settings for one certificate: common name, extensions.
write_config() {
    cat >"$work/config" <<END
[req]
distinguished_name = name
prompt = no
utf8 = yes
string_mask = utf8only
[name]
commonName = $1
[extensions]
$2
END
}

make_ca() {
    [ ! -f "$folder/ca/ca.crt" ] || return 0
    mkdir -p "$folder/ca"
    new_key "$folder/ca/ca.key"
    # With a number: openssl takes two CAs of one name for the same.
    write_config "Heijunka CA $(openssl rand -hex 4)" "basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash"
    openssl_quietly req -new -x509 -sha256 -days "$days" -config "$work/config" -extensions extensions \
        -set_serial "0x01$(openssl rand -hex 15)" -key "$folder/ca/ca.key" -out "$folder/ca/ca.crt"
}

sign() { # common name, extensions, file without ending
    [ -f "$folder/ca/ca.key" ] || fail "$folder/ca/ca.key is not there: put it back to sign a certificate for $1"
    new_key "$work/key"
    write_config "$1" "basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
$2"
    openssl_quietly req -new -sha256 -config "$work/config" -key "$work/key" -out "$work/request"
    openssl_quietly x509 -req -sha256 -days "$days" -in "$work/request" -CA "$folder/ca/ca.crt" \
        -CAkey "$folder/ca/ca.key" -set_serial "0x01$(openssl rand -hex 15)" \
        -extfile "$work/config" -extensions extensions -out "$work/crt"
    mv "$work/key" "$3.key"
    mv "$work/crt" "$3.crt"
}

alternative_names() {
    names=''
    while read -r name; do
        case $name in
            *:*) kind=IP ;;
            *[!0-9.]*) kind=DNS ;;
            *) kind=IP ;;
        esac
        names="$names${names:+,}$kind:$name"
    done <"$folder/hosts"
    echo "$names"
}

make_broker() {
    mkdir -p "$folder/broker"
    if [ -n "$hosts" ] && [ "$hosts" != "$(cat "$folder/hosts" 2>/dev/null)" ]; then
        [ ! -f "$folder/broker/server.crt" ] || [ ! -f "$folder/hosts" ] ||
            fail "the broker's certificate is for $(echo $(cat "$folder/hosts")): delete $folder/broker/server.crt for another"
        printf '%s\n' "$hosts" >"$folder/hosts"
    fi
    [ -f "$folder/hosts" ] || fail "say where the broker is: --host NAME"
    first_host=$(head -n 1 "$folder/hosts")
    case $first_host in
        *:*) url_host="[$first_host]" ;;
        *) url_host=$first_host ;;
    esac
    [ -f "$folder/broker/server.crt" ] || sign "$first_host" "extendedKeyUsage = serverAuth
subjectAltName = $(alternative_names)" "$folder/broker/server"
    [ -f "$folder/broker/ca.crt" ] || cp "$folder/ca/ca.crt" "$folder/broker/ca.crt"
    [ -f "$folder/broker/mosquitto.conf" ] || cp "$here/production/mosquitto.conf" "$folder/broker/mosquitto.conf"
    [ -f "$folder/broker/passwords" ] || : >"$folder/broker/passwords"
}

# Lines of the password file but that of one user.
passwords_without() {
    while IFS=: read -r user hash; do
        [ "$user" = "$1" ] || printf '%s:%s\n' "$user" "$hash"
    done <"$folder/broker/passwords"
}

# The access list goes by users: an agent has to go by the same name.
name_agent() { # user, its folder
    case $2 in
        "$folder"/agents/*)
            mv "$2/broker.toml" "$work/section"
            { printf '# At the top of agent.toml: agent_id = "%s"\n' "$1"; cat "$work/section"; } >"$2/broker.toml" ;;
    esac
}

with_password() { # user, its folder
    password=$(openssl rand -hex 24)
    printf '%s\n' "$password" >"$2/password.txt"
    # Through a file: other users of this machine can read command lines.
    printf '%s:%s\n' "$1" "$password" >"$work/password"
    mosquitto_passwd -U "$work/password" >"$work/log" 2>&1 || fail "mosquitto_passwd: $(cat "$work/log")"
    passwords_without "$1" >"$work/passwords"
    cat "$work/password" >>"$work/passwords"
    mv "$work/passwords" "$folder/broker/passwords"
    cat >"$2/broker.toml" <<END
[broker]
url = "mqtts://$url_host:8883"
ca_file = "ca.crt"
username = "$1"
password_file = "password.txt"
END
    name_agent "$1" "$2"
}

with_certificate() { # user, its folder
    sign "$1" "extendedKeyUsage = clientAuth" "$2/client"
    cat >"$2/broker.toml" <<END
[broker]
url = "mqtts://$url_host:8884"
ca_file = "ca.crt"
client_cert_file = "client.crt"
client_key_file = "client.key"
END
    name_agent "$1" "$2"
}

# A user with a login of its own, kept if there is one.
make_user() { # user, folder, password|certificate
    for other in "$folder/agents/$1" "$folder/people/$1" "$folder/lines/$1"; do
        [ "$other" = "$2" ] || [ ! -d "$other" ] || fail "there is a user '$1' already: $other"
    done
    [ "$1" != aggregator ] || [ "$2" = "$folder/aggregator" ] || fail "'aggregator' is the aggregator's user"
    mkdir -p "$2"
    [ ! -f "$2/broker.toml" ] || return 0
    cp "$folder/ca/ca.crt" "$2/ca.crt"
    "with_$3" "$1" "$2"
    made="$made  $2
"
}

make_line() {
    make_user "$line" "$folder/lines/$line" certificate
    for agent; do
        [ ! -d "$folder/agents/$agent" ] || fail "agent '$agent' has a login at this broker: delete $folder/agents/$agent"
        add_line "$site/$job/$agent" "$folder/lines/$line/agents"
    done
    sed -e "s|^address .*|address $url_host:8884|" -e "s|^remote_clientid .*|remote_clientid heijunka-bridge-$line|" \
        "$here/bridge/bridge.conf" >"$folder/lines/$line/bridge.conf"
}

make_users() {
    login=password
    [ -z "$certificates" ] || login=certificate
    make_user aggregator "$folder/aggregator" "$login"
    add_line "$site/$job" "$folder/aggregator/jobs"
    for name in people $people; do
        make_user "$name" "$folder/people/$name" password
    done
    if [ -n "$line" ]; then
        make_line "$@"
        return 0
    fi
    for agent; do
        make_user "$agent" "$folder/agents/$agent" "$login"
        add_line "$site/$job" "$folder/agents/$agent/jobs"
    done
}

right() { # read|write|readwrite, topic
    printf 'topic %s %s\n' "$1" "$2"
}

# What an agent may do in a job, or a line's broker for it.
agent_rights() { # site/job, agent
    for name in join gradient survey scores; do
        right write "heijunka-wire/v2/$1/$name/$2"
    done
    for name in assign extra snapshot; do
        right read "heijunka-wire/v2/$1/$name/$2"
    done
    for name in state info; do
        right write "heijunka/$1/agents/$2/$name"
    done
    # 'check' reads back what it has written.
    right readwrite "heijunka/$1/agents/$2/status"
}

common_rights() { # site/job
    right read "heijunka-wire/v2/$1/spec"
    right read "heijunka-wire/v2/$1/round"
}

aggregator_rights() { # site/job
    for name in join gradient survey scores; do
        right read "heijunka-wire/v2/$1/$name/+"
    done
    right readwrite "heijunka-wire/v2/$1/spec"
    right write "heijunka-wire/v2/$1/round"
    for name in assign extra snapshot; do
        right write "heijunka-wire/v2/$1/$name/+"
    done
    right read "heijunka/$1/agents/+/state"
    right readwrite "heijunka/$1/aggregator/state"
    right readwrite "heijunka/$1/aggregator/status"
    right write "heijunka/$1/events"
    right write "heijunka/$1/predictions"
}

line_rights() { # file of site/job/agent
    while read -r in_job; do
        agent_rights "${in_job%/*}" "${in_job##*/}"
    done <"$1"
    sed 's|/[^/]*$||' "$1" | sort -u | while read -r in_job; do
        common_rights "$in_job"
        right read "heijunka/$in_job/aggregator/state"
        right read "heijunka/$in_job/aggregator/status"
        right read "heijunka/$in_job/events"
    done
}

access_list() {
    echo "# Written by make.sh at every call. What is not listed is forbidden."
    echo "# Rights go by the user's name, which the login proves, never by the client id, which anybody may choose."
    if [ -f "$folder/aggregator/jobs" ]; then
        printf '\nuser aggregator\n'
        # So that it makes room when the broker is overloaded.
        printf 'topic read $SYS/broker/publish/messages/dropped\n'
        while read -r in_job; do
            aggregator_rights "$in_job"
        done <"$folder/aggregator/jobs"
    fi
    for each in "$folder"/people/*/; do
        [ ! -d "$each" ] || printf '\nuser %s\ntopic read heijunka/#\n' "$(basename "$each")"
    done
    for each in "$folder"/agents/*/; do
        [ -f "$each/jobs" ] || continue
        agent=$(basename "$each")
        printf '\nuser %s\n' "$agent"
        while read -r in_job; do
            common_rights "$in_job"
            agent_rights "$in_job" "$agent"
        done <"$each/jobs"
    done
    for each in "$folder"/lines/*/; do
        [ -f "$each/agents" ] || continue
        printf '\nuser %s\n' "$(basename "$each")"
        line_rights "$each/agents"
    done
}

# Users whose folder was deleted lose their password, and by the access list everything else.
passwords_of_users() {
    while IFS=: read -r user hash; do
        for each in "$folder/agents/$user" "$folder/people/$user" "$folder/aggregator"; do
            [ ! -f "$each/broker.toml" ] || ! grep -Fqx "username = \"$user\"" "$each/broker.toml" ||
                printf '%s:%s\n' "$user" "$hash"
        done
    done <"$folder/broker/passwords"
}

describe() {
    cat <<END
For the broker's machine (server.key, passwords and acl are for Mosquitto's user alone):
  install -d -o mosquitto -g mosquitto -m 700 /etc/mosquitto/heijunka
  install -o mosquitto -g mosquitto -m 600 $folder/broker/* /etc/mosquitto/heijunka/
  mv /etc/mosquitto/heijunka/mosquitto.conf /etc/mosquitto/mosquitto.conf
  systemctl restart mosquitto   (new users, passwords and rights alone: systemctl reload mosquitto)
END
    [ -z "$made" ] || cat <<END
New, each for the machine of its name; broker.toml holds the [broker] section of its settings file, which stands beside.
An agent's settings begin with agent_id, which is the name of its folder: the access list knows it by that.
$made
END
    [ -z "$line" ] || cat <<END
For the machine of the broker of $line: $folder/lines/$line to /etc/mosquitto/heijunka/plant/, bridge.conf to the end of its
mosquitto.conf. The agents behind it have their logins from a folder of that broker's own.
END
    echo "Keep $folder/ca/ca.key off all of them: with it one can pose as any machine."
}

[ $# -ge 1 ] || usage
case $1 in -*) usage ;; esac
folder=${1%/}
shift
here=$(cd "$(dirname "$0")" && pwd)
days=3650
site='' job='' hosts='' people='' line='' certificates='' made=''
while [ $# -gt 0 ]; do
    case $1 in
        --certificates) certificates=yes; shift; continue ;;
        --site | --job | --host | --people | --line) [ $# -ge 2 ] || usage ;;
        -*) usage ;;
        *) break ;;
    esac
    case $1 in
        --site) check_level site "$2"; site=$2 ;;
        --job) check_level job "$2"; job=$2 ;;
        --host) check_host "$2"; hosts="$hosts${hosts:+
}$2" ;;
        --people) check_user "$2"; people="$people $2" ;;
        --line) check_user "$2"; line=$2 ;;
    esac
    shift 2
done
for agent; do
    check_user "$agent"
done
[ -n "$site$job$hosts$people$line$certificates" ] || [ $# -gt 0 ] || [ -d "$folder/broker" ] || usage
for tool in openssl mosquitto_passwd; do
    command -v $tool >/dev/null || fail "$tool is not installed"
done

mkdir -p "$folder"
work="$folder/.work.$$"
mkdir "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

if [ $# -gt 0 ] && [ -z "$site$job$line" ] && [ "$(wc -l 2>/dev/null <"$folder/aggregator/jobs")" = 1 ]; then
    read -r in_job <"$folder/aggregator/jobs"
    site=${in_job%/*} job=${in_job##*/}
fi

make_ca
make_broker
if [ -n "$site$job" ] || [ $# -gt 0 ]; then
    [ -n "$site" ] && [ -n "$job" ] || fail "agents take part in a job: --site SITE --job JOB"
    make_users "$@"
else
    for name in $people; do
        make_user "$name" "$folder/people/$name" password
    done
fi
passwords_of_users >"$work/passwords"
mv "$work/passwords" "$folder/broker/passwords"
access_list >"$work/acl"
mv "$work/acl" "$folder/broker/acl"
describe
