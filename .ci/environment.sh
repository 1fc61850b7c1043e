# Sourced by ./run and ./test: the Python environment in .venv, made once for each state of the lock.

say() { printf '%s\n' "$*" >&2; }

# Prints the first Python that is new enough.
find_python() {
    for python in python3 python3.11 python3.12 python3.13 python3.14 python; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$python"
            return
        fi
    done
    say "Jeton needs Python 3.11 or newer, and neither python3 nor python3.11 is that. Install it and try again."
    return 1
}

# make_environment CLONE LOCK: does nothing when .venv was made from this very lock, so that a
# second start needs no network. The copy of the lock inside .venv is written last.
make_environment() {
    clone=$1 lock=$2 venv=$1/.venv
    unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
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
    if [ ! -x "$venv/uv/bin/uv" ]; then
        "$base" -m pip install --quiet --disable-pip-version-check --no-warn-script-location \
            --target "$venv/uv" --require-hashes -r "$clone/requirements-uv.txt" || say "uv cannot be installed; using pip."
    fi
    "$venv/uv/bin/uv" pip sync --quiet --require-hashes --python "$venv/bin/python" "$clone/$lock" ||
        "$base" -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check \
            --require-hashes -r "$clone/$lock"
}
