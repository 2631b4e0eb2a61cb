#!/usr/bin/env bash
# A real Flink on this machine, for trying `cotmonitor ... -- --runner=FlinkRunner` and for the tests. Downloads are
# checked, everything lies in one folder, nothing outside it is touched, and Flink's own ports are bound to loopback.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: local-cluster.sh COMMAND [OPTIONS]

  up           fetch what is missing, start a job manager, task managers, Beam's job server and a pool of workers
  down         stop all of it (what was fetched stays)
  status       what runs; exit code 1 unless all of it does
  flags        Beam's flags for this cluster, to go after `--` (flags process: workers as processes of Flink's)
  taskmanager  start one more task manager, say in place of one that died
  fetch        only fetch and build what `up` needs

  --dir DIR             keep everything here                    [~/.cache/cotmonitor/flink]
  --name NAME           one of several clusters side by side    [local]
  --ports A,B,C,D,E     REST, job manager, job server, its artifacts, workers  [8081,6123,8099,8098,50000]
  --task-managers N     [2]       --slots N   of each           [2]
  --worker COMMAND      the cotmonitor-worker to use            [.venv/bin of this checkout, else the one on the path]
  --job-server-jar JAR  Beam's job server, in place of the one that is built here

Once up:  cotmonitor run --traces 'lake/**/*.parquet' --store S -- $(deploy/flink/local-cluster.sh flags)
Mirrors:  COTMONITOR_MAVEN=https://... and COTMONITOR_PYPI_FILES=https://... stand in for repo1.maven.org and
          files.pythonhosted.org; jars in ~/.m2 are used, and Maven and pip are asked where curl gets nothing.
USAGE
}

FLINK=1.19.3
BEAM=2.62.0
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
TARBALL=apache-flink-libraries-$FLINK.tar.gz
TARBALL_AT=packages/4e/35/1c4e72f5930a92d0cb107c28fc25f757ce0d69f6c1b6a00c6daf27cc7bed/$TARBALL
TARBALL_SHA256=4a58e3a1fb7d83340bc96b6c080624c6d792d69fae5d294b96224775204a9c60
JARS=$here/job-server.sha256 # of every jar in the job server, by its path in a Maven repository
MAVEN=${COTMONITOR_MAVEN:-https://repo1.maven.org/maven2}
PYPI_FILES=${COTMONITOR_PYPI_FILES:-https://files.pythonhosted.org}
NEEDED_MB=900 # while it is fetched; 400 afterwards
JOB_SERVER_MAIN=org.apache.beam.runners.flink.FlinkJobServerDriver

# small, since it shares the machine with Python workers that do the work; what travels through Flink is shard numbers
JOB_MANAGER_HEAP=384m
JOB_SERVER_HEAP=384m
TASK_HEAP=192 # MB, beside 64 of Flink's own
JVM=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1)
for package in sun.net.util java.lang java.lang.reflect java.net java.io java.nio sun.nio.ch java.text java.time \
    java.util java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks; do
    JVM+=("--add-opens=java.base/$package=ALL-UNNAMED")
done

say() { echo "local-cluster: $*" >&2; }
fail() {
    say "$1"
    exit "${2:-1}"
}

dir=${XDG_CACHE_HOME:-$HOME/.cache}/cotmonitor/flink
name=local
ports=
task_managers=2
slots=2
worker=
jar=
command=
how=external
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage && exit 0 ;;
    --dir | --name | --ports | --task-managers | --slots | --worker | --job-server-jar)
        [ $# -ge 2 ] || fail "$1 needs a value" 2
        case $1 in
        --dir) dir=$2 ;;
        --name) name=$2 ;;
        --ports) ports=$2 ;;
        --task-managers) task_managers=$2 ;;
        --slots) slots=$2 ;;
        --worker) worker=$2 ;;
        --job-server-jar) jar=$2 ;;
        esac
        shift 2
        ;;
    external | process)
        how=$1
        shift
        ;;
    -*) usage >&2 && fail "unknown option $1" 2 ;;
    *)
        [ -z "$command" ] || fail "one command at a time: $command, $1" 2
        command=$1
        shift
        ;;
    esac
done
case $command in
up | down | status | flags | taskmanager | fetch) ;;
'') usage >&2 && exit 2 ;;
*) usage >&2 && fail "unknown command $command" 2 ;;
esac
[[ $name =~ ^[A-Za-z0-9_.-]+$ ]] || fail "--name $name: letters, digits, dots and dashes only" 2
[[ $task_managers =~ ^[1-9][0-9]*$ && $slots =~ ^[1-9][0-9]*$ ]] || fail "--task-managers and --slots are numbers" 2
mkdir -p "$dir" || fail "$dir: cannot be made; choose another --dir"
dir=$(cd "$dir" && pwd)
state=$dir/clusters/$name

# ---- what is fetched

java_home() {
    local major
    java=${JAVA_HOME:+$JAVA_HOME/bin/}java
    command -v "$java" >/dev/null || fail "no Java: install 11, 17 or 21 (apt-get install openjdk-17-jre-headless), or set JAVA_HOME"
    major=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -1)
    [[ ${major:-0} -ge 11 && ${major:-0} -le 21 ]] || fail "$java is Java ${major:-?}; Flink $FLINK runs on 11 to 21: set JAVA_HOME"
}

sums() { # of a file
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

holds() { [ -f "$1" ] && [ "$(sums "$1")" = "$2" ]; }

room() {
    local free
    free=$(df -Pm "$dir" | awk 'NR == 2 {print $4}')
    [ "$free" -ge "$NEEDED_MB" ] || fail "$dir: $free MB are free and $NEEDED_MB are needed; make room, or choose another --dir"
}

fetch_flink() {
    local lib=$dir/flink-$FLINK/lib tarball=$dir/downloads/$TARBALL
    [ -d "$lib" ] && return
    room
    mkdir -p "$dir/downloads"
    if ! holds "$tarball" "$TARBALL_SHA256"; then
        say "fetching Flink $FLINK (230 MB) ..."
        curl -fsS -L --retry 3 -C - -o "$tarball.part" "$PYPI_FILES/$TARBALL_AT" || say "curl got no Flink from $PYPI_FILES; asking pip"
        if ! holds "$tarball.part" "$TARBALL_SHA256"; then
            rm -f "$tarball.part"
            python3 -m pip download -q --no-deps --no-binary :all: -d "$dir/downloads/pip" "apache-flink-libraries==$FLINK" ||
                fail "Flink cannot be fetched: neither curl nor pip reaches $TARBALL"
            mv "$dir/downloads/pip/$TARBALL" "$tarball.part"
        fi
        holds "$tarball.part" "$TARBALL_SHA256" || {
            rm -f "$tarball.part"
            fail "$TARBALL: its checksum is not the one in this script; it was deleted. Try again."
        }
        mv "$tarball.part" "$tarball"
    fi
    rm -rf "$dir/unpacking"
    mkdir -p "$dir/unpacking"
    tar -xzf "$tarball" -C "$dir/unpacking" --strip-components=2 "apache-flink-libraries-$FLINK/deps"
    rm -rf "$dir/flink-$FLINK"
    mv "$dir/unpacking" "$dir/flink-$FLINK"
    rm -rf "$dir/downloads/pip" "$tarball"
}

jars_missing() { # paths of jars that are not there with their right content
    local sum path
    while read -r sum path; do
        holds "$dir/downloads/maven/$path" "$sum" || echo "$path"
    done <"$JARS"
}

fetch_job_server() {
    local maven=$dir/downloads/maven local_repository=$HOME/.m2/repository built path group artifact version
    built=$dir/beam-runners-flink-${FLINK%.*}-job-server-$BEAM.jar
    [ -z "$jar" ] || {
        [ -f "$jar" ] || fail "--job-server-jar $jar: there is no such file" 2
        return
    }
    jar=$built
    [ -f "$built" ] && return
    room
    command -v python3 >/dev/null || fail "python3 is needed to put the job server together"
    say "fetching Beam's job server $BEAM for Flink ${FLINK%.*} (152 MB in $(wc -l <"$JARS") jars) ..."
    mkdir -p "$maven"
    while read -r _ path; do
        mkdir -p "$maven/$(dirname "$path")"
        [ -f "$maven/$path" ] || cp "$local_repository/$path" "$maven/$path" 2>/dev/null || true
    done <"$JARS"
    jars_missing | while read -r path; do
        printf 'url = "%s/%s"\noutput = "%s/%s"\n' "$MAVEN" "$path" "$maven" "$path"
    done >"$dir/downloads/curl.config"
    [ ! -s "$dir/downloads/curl.config" ] ||
        curl -fsS -L --retry 3 --parallel --parallel-max 8 -K "$dir/downloads/curl.config" ||
        say "curl did not get all jars from $MAVEN"
    for path in $(jars_missing); do
        rm -f "$maven/$path"
        command -v mvn >/dev/null || break
        version=$(basename "$(dirname "$path")")
        artifact=$(basename "$(dirname "$(dirname "$path")")")
        group=$(dirname "$(dirname "$(dirname "$path")")")
        mvn -B -q dependency:get -Dtransitive=false "-Dartifact=${group//\//.}:$artifact:$version" >&2 || break
        cp "$local_repository/$path" "$maven/$path" || break
    done
    path=$(jars_missing | head -3 | tr '\n' ' ')
    [ -z "$path" ] || fail "Beam's job server cannot be fetched: missing or with a wrong checksum: $path(see COTMONITOR_MAVEN, or --job-server-jar)"
    # shellcheck disable=SC2046 - no jar's path has a blank
    (cd "$maven" && python3 "$here/one_jar.py" "$built" "$JOB_SERVER_MAIN" $(sed 's/^[^ ]* *//' "$JARS"))
    rm -rf "$maven" "$dir/downloads/curl.config"
}

fetch() {
    java_home
    if command -v flock >/dev/null; then # two at once would unpack over one another
        exec 9>"$dir/.lock"
        flock 9
    fi
    fetch_flink
    fetch_job_server
    if command -v flock >/dev/null; then exec 9>&-; fi
}

# ---- what is started

started_at() { ps -o lstart= -p "$1" 2>/dev/null; }

alive() { # by the name of a process of ours: a number that has gone to another process is not ours
    local pid
    [ -f "$state/$1.pid" ] || return 1
    pid=$(head -1 "$state/$1.pid")
    [ -n "$pid" ] && [ "$(started_at "$pid")" = "$(tail -n +2 "$state/$1.pid")" ]
}

start() { # name, command...
    local process=$1
    shift
    (
        cd "$state"
        exec setsid "$@" >"log/$process.log" 2>&1 </dev/null 9>&-
    ) &
    local pid=$!
    printf '%s\n%s\n' "$pid" "$(started_at "$pid")" >"$state/$process.pid"
}

stop() { # names...
    local process pid waited=0
    for process in "$@"; do alive "$process" && kill "$(head -1 "$state/$process.pid")" 2>/dev/null || true; done
    for process in "$@"; do
        while alive "$process"; do
            [ $waited -lt 100 ] || kill -9 "$(head -1 "$state/$process.pid")" 2>/dev/null || true
            waited=$((waited + 1))
            sleep 0.1
        done
        rm -f "$state/$process.pid"
    done
}

processes() { (cd "$state" 2>/dev/null && ls -- *.pid 2>/dev/null | sed 's/\.pid$//') || true; }

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

wait_for() { # what, process, a test to repeat
    local what=$1 process=$2 tries=0
    shift 2
    until "$@"; do
        tries=$((tries + 1))
        if ! alive "$process" || [ $tries -gt 600 ]; then
            say "$what did not start; the end of $state/log/$process.log:"
            tail -n 15 "$state/log/$process.log" >&2 || true
            return 1
        fi
        sleep 0.2
    done
}

overview() { curl -fsS -m 5 "http://127.0.0.1:$rest/overview" 2>/dev/null | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }

has_task_managers() { [ "$(overview taskmanagers)" = "$1" ]; }

read_settings() {
    [ -f "$state/settings" ] || return 1
    # shellcheck disable=SC1091
    . "$state/settings" # rest rpc job artifact pool task_managers slots worker jar
}

write_settings() {
    IFS=, read -r rest rpc job artifact pool <<<"${ports:-8081,6123,8099,8098,50000}"
    for port in "$rest" "$rpc" "$job" "$artifact" "$pool"; do
        [[ $port =~ ^[1-9][0-9]*$ ]] || fail "--ports $ports: five numbers with commas between them" 2
        if listens "$port"; then fail "port $port is taken; choose others with --ports REST,JOBMANAGER,JOBSERVER,ARTIFACTS,WORKERS"; fi
    done
    if [ -z "$worker" ]; then
        worker=$root/.venv/bin/cotmonitor-worker
        [ -x "$worker" ] || worker=$(command -v cotmonitor-worker) ||
            fail "no cotmonitor-worker: install cotmonitor, or name the command with --worker"
    fi
    [ -x "$worker" ] || fail "--worker $worker: cannot be run" 2
    for setting in rest rpc job artifact pool task_managers slots worker jar; do
        printf '%s=%q\n' "$setting" "${!setting}"
    done >"$state/settings"
}

configure() {
    mkdir -p "$state/conf"
    cat >"$state/conf/config.yaml" <<CONFIG
jobmanager.rpc.address: 127.0.0.1
jobmanager.bind-host: 127.0.0.1
jobmanager.rpc.port: $rpc
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: $rest
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: $slots
taskmanager.cpu.cores: 1.0
taskmanager.memory.framework.heap.size: 64m
taskmanager.memory.framework.off-heap.size: 64m
taskmanager.memory.task.heap.size: ${TASK_HEAP}m
taskmanager.memory.task.off-heap.size: 64m
taskmanager.memory.network.min: 32m
taskmanager.memory.network.max: 32m
taskmanager.memory.managed.size: 64m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 64m
taskmanager.memory.jvm-overhead.max: 64m
# one task manager may die: what is left has slots for the default parallelism
parallelism.default: $slots
# and work goes to all of them
taskmanager.load-balance.mode: SLOTS
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 3
restart-strategy.fixed-delay.delay: 1 s
# a task manager that was killed is missed within seconds
heartbeat.interval: 1000
heartbeat.timeout: 20000
io.tmp.dirs: $state/tmp
blob.storage.directory: $state/tmp
classloader.check-leaked-classloader: false
CONFIG
    cat >"$state/conf/log4j.properties" <<'CONFIG'
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss} %-5p %c{1} %m%n
CONFIG
}

flink() { # process, options of the JVM and main class...
    local process=$1
    shift
    start "$process" "$java" "${JVM[@]}" "-Dlog4j.configurationFile=file:$state/conf/log4j.properties" \
        -Djava.io.tmpdir="$state/tmp" -cp "$dir/flink-$FLINK/lib/*" "$@"
}

start_task_manager() {
    flink "taskmanager-$1" -Xmx$((TASK_HEAP + 64))m -XX:MaxDirectMemorySize=160m -XX:MaxMetaspaceSize=256m \
        org.apache.flink.runtime.taskexecutor.TaskManagerRunner --configDir "$state/conf" -D "taskmanager.resource-id=$name-$1-$$"
}

start_all() {
    local i
    flink jobmanager "-Xmx$JOB_MANAGER_HEAP" org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint --configDir "$state/conf"
    for ((i = 1; i <= task_managers; i++)); do start_task_manager "$i"; done
    start jobserver "$java" "${JVM[@]}" "-Xmx$JOB_SERVER_HEAP" -Djava.io.tmpdir="$state/tmp" -jar "$jar" --flink-master "127.0.0.1:$rest" --job-host 127.0.0.1 \
        --job-port "$job" --artifact-port "$artifact" --expansion-port -1 --artifacts-dir "$state/artifacts"
    start workers "$worker" --worker_pool --port "$pool"
    wait_for "the job manager" jobmanager listens "$rest" &&
        wait_for "a task manager" "taskmanager-$task_managers" has_task_managers "$task_managers" &&
        wait_for "Beam's job server" jobserver listens "$job" &&
        wait_for "the pool of workers" workers listens "$pool"
}

up() {
    if read_settings && whole; then
        say "is up already: http://127.0.0.1:$rest"
        return
    fi
    fetch
    # shellcheck disable=SC2046
    stop $(processes) # what is left of a cluster of this name that lost a part
    rm -rf "$state"
    mkdir -p "$state/log" "$state/tmp" "$state/artifacts"
    write_settings
    configure
    # shellcheck disable=SC2046
    start_all || {
        stop $(processes)
        fail "not up"
    }
    say "up: http://127.0.0.1:$rest, logs in $state/log"
}

down() {
    # shellcheck disable=SC2046
    stop $(processes)
    rm -rf "$state/tmp" "$state/artifacts" "$state/settings"
    say "down"
}

whole() {
    local process n=0
    for process in jobmanager jobserver workers; do alive "$process" || return 1; done
    for process in $(processes); do if [[ $process == taskmanager-* ]] && alive "$process"; then n=$((n + 1)); fi; done
    [ $n -ge "$task_managers" ] && [ "$(overview taskmanagers)" -ge "$task_managers" ]
}

status() {
    local process
    read_settings || fail "no cluster named $name is up in $dir"
    for process in $(processes); do
        if alive "$process"; then
            pid=$(head -1 "$state/$process.pid")
            echo "$process runs as $pid, $(($(ps -o rss= -p "$pid") / 1024)) MB"
        else
            echo "$process is gone; see $state/log/$process.log"
        fi
    done
    echo "Flink at http://127.0.0.1:$rest: $(overview taskmanagers || true) task managers," \
        "$(overview slots-available || true) of $(overview slots-total || true) slots free, $(overview jobs-running || true) jobs running"
    whole || fail "not all of it runs: \`taskmanager\` starts another task manager, \`up\` starts all anew"
}

flags() {
    read_settings || fail "no cluster named $name is up in $dir: start it with \`up\`"
    printf -- '--runner=FlinkRunner --flink_master=127.0.0.1:%s --job_endpoint=127.0.0.1:%s --parallelism=%s ' "$rest" "$job" "$slots"
    if [ $how = external ]; then
        echo "--environment_type=EXTERNAL --environment_config=127.0.0.1:$pool"
    else
        case $worker in *[[:space:]]*) fail "$worker: a path with a blank cannot be given to Flink" ;; esac
        echo "--environment_type=PROCESS --environment_config={\"command\":\"$worker\"}"
    fi
}

taskmanager() {
    local i=1 before
    read_settings || fail "no cluster named $name is up in $dir: start it with \`up\`"
    java_home
    while alive "taskmanager-$i"; do i=$((i + 1)); done
    before=$(curl -fsS "http://127.0.0.1:$rest/taskmanagers" | grep -o '"id":"[^"]*"' | sort)
    start_task_manager "$i"
    registered() { curl -fsS "http://127.0.0.1:$rest/taskmanagers" | grep -q "\"id\":\"$name-$i-$$\""; }
    wait_for "the task manager" "taskmanager-$i" registered || fail "no task manager more than ${before:-none}"
    say "taskmanager-$i is up"
}

case $command in
up) up ;;
down) down ;;
status) status ;;
flags) flags ;;
taskmanager) taskmanager ;;
fetch) fetch && say "all is there: $dir" ;;
esac
