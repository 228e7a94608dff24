# Sourced by song.sh and test.sh: the virtual environment that Jasco is installed into.

# Print what is wrong on standard error and stop: fail WORDS...
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Install Debian packages, or name them where that is not allowed: debian PACKAGE...
debian() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
        fail "missing system packages: $*. Install them (sudo apt-get install $*), then run this again"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
        --no-install-recommends "$@"; } >/dev/null </dev/null ||
        fail "apt-get could not install $*: is there a network?"
}

# Enter the active virtual environment, or .venv of the checkout, which is created where it is missing.
# PYTHON names the interpreter, python3 by default.
enter_environment() {
    [ -z "${VIRTUAL_ENV:-}" ] || return 0
    local python=${PYTHON:-python3}
    command -v "$python" >/dev/null || fail "no $python on the PATH: install Python 3.11 or newer"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$("$python" --version) is too old: name Python 3.11 or newer, as in PYTHON=python3.11"
    if [ ! -f .venv/bin/activate ]; then
        "$python" -c 'import ensurepip, venv' 2>/dev/null || debian "${python##*/}-venv"
        "$python" -m venv .venv
    fi
    . .venv/bin/activate
}

# Install the checkout and its extras: install_jasco EXTRAS, a comma-separated list or nothing. A second call
# with the same requirements does nothing, and needs no network.
install_jasco() {
    local wanted log=$VIRTUAL_ENV/install.log stamp="$VIRTUAL_ENV/installed${1:+-$1}"
    wanted=$(cat pyproject.toml constraints.txt <(pwd) | cksum)
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    echo "installing jasco${1:+[$1]} into $VIRTUAL_ENV (some minutes the first time)"
    pip install -c constraints.txt -e ".${1:+[$1]}" >"$log" 2>&1 </dev/null ||
        fail "pip could not install Jasco (is there a network?): $(grep -m 1 -o 'ERROR.*' "$log") ($log)"
    echo "$wanted" >"$stamp"
}
