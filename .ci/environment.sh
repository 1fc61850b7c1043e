# Sourced by ./run and ./test: the Python environment in .venv, made once for each state of the lock.

say() { printf '%s\n' "$*" >&2; }

# Prints every Python on this machine that is new enough, one a line, in PATH's order.
list_pythons() {
    printf '%s:/usr/local/bin:/usr/bin\n' "$PATH" | tr : '\n' | awk 'NF && !seen[$0]++' | while IFS= read -r folder; do
        for name in python3 python3.11 python3.12 python3.13 python3.14 python; do
            "$folder/$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null </dev/null || continue
            printf '%s\n' "$folder/$name"
        done
    done
}

# Prints the Python to use: PATH's first, or the quickest where that is a quarter quicker. A build
# without its compiler's optimizations was measured to take a quarter more CPU for each request.
find_python() {
    found=$(list_pythons | while IFS= read -r python; do
        "$python" -I -c '
import os, sys, time

def work():
    started, kept = time.perf_counter_ns(), {}
    for number in range(20_000):
        kept[number & 255] = str(number).encode()
    return time.perf_counter_ns() - started

print(min(work() for _ in range(9)), os.path.realpath(sys.executable), sys.argv[1], sep="\t")' "$python" </dev/null || true
    done | awk -F '\t' '!seen[$2]++ { if (chosen == "" || $1 * 1.25 < least) { chosen = $3; least = $1 } } END { print chosen }')
    if [ -z "$found" ]; then
        say "Jeton needs Python 3.11 or newer with its venv module, and none was found. Install it and try again."
        return 1
    fi
    printf '%s\n' "$found"
}

# Prints a Python that has pip: the environment's own base, or any other that was found.
find_pip() {
    { printf '%s\n' "$1"; list_pythons; } | while IFS= read -r python; do
        if "$python" -m pip --version >/dev/null 2>&1 </dev/null; then
            printf '%s\n' "$python"
            break
        fi
    done
}

# make_environment CLONE LOCK: does nothing when .venv was made from this very lock, so that a
# second start needs no network. The copy of the lock inside .venv is written last.
make_environment() {
    clone=$1 lock=$2 venv=$1/.venv
    # Without compiled files kept, each start compiles two thousand modules: 2.6 of its 4 seconds of CPU.
    unset PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE
    export PIP_ROOT_USER_ACTION=ignore
    cmp -s "$clone/$lock" "$venv/$lock" && "$venv/bin/python" -c '' 2>/dev/null && return
    # One maker at a time; the lock ends with this shell's file descriptor.
    exec 9<"$clone"
    if command -v flock >/dev/null; then flock 9; fi
    if ! cmp -s "$clone/$lock" "$venv/$lock"; then
        fill_environment
    fi
    exec 9<&-
}

fill_environment() {
    say "Making the Python environment in $venv (once) ..."
    # uv and pip keep what they download; without a home they keep it here.
    if [ ! -w "${HOME:-/nonexistent}" ]; then
        export HOME="$venv/home"
        mkdir -p "$HOME"
    fi
    if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$(find_python)
        # Without pip: uv fills it, and making pip takes longer than all the rest.
        "$python" -m venv --clear --without-pip "$venv"
    fi
    rm -f "$venv"/requirements*.txt
    install_locked || { say "Installing the packages of $lock failed; what went wrong is above."; exit 1; }
    # The path is relative, so that the clone may be moved.
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '../../../../src\n' >"$site/jeton-source.pth"
    # The tests' lock holds everything that serving needs.
    for name in requirements.txt "$lock"; do
        cp "$clone/$name" "$venv/$name"
    done
}

# uv takes 2 seconds where pip takes 30; pip is the way out where uv does not work.
install_locked() {
    base=$("$venv/bin/python" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))')
    pip=$(find_pip "$base")
    if [ -z "$pip" ]; then
        say "Jeton needs pip to get its packages, and no Python here has it. Install it (python3 -m ensurepip) and try again."
        return 1
    fi
    if [ ! -x "$venv/uv/bin/uv" ]; then
        "$pip" -m pip install --quiet --disable-pip-version-check --no-warn-script-location \
            --target "$venv/uv" --require-hashes -r "$clone/requirements-uv.txt" || say "uv cannot be installed; using pip."
    fi
    "$venv/uv/bin/uv" pip sync --quiet --require-hashes --python "$venv/bin/python" "$clone/$lock" ||
        "$pip" -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check \
            --require-hashes -r "$clone/$lock"
}
