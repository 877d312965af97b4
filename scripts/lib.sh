# Shared by the scripts: where the project is, what is installed, how a missing package gets here. Sourced, not run.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Tools that setup.sh put here because nothing else could install them.
export PATH="$PWD/target/tools/bin:$PATH"

have() { command -v "$1" >/dev/null 2>&1; }

# heading TEXT: a title on standard output.
heading() {
    if [ -t 1 ]; then printf '\n\033[1m== %s\033[0m\n' "$*"; else printf '\n== %s\n' "$*"; fi
}

fail() {
    echo "error: $*" >&2
    exit 1
}

# apt_install PACKAGE…: false where there is no apt or no right to use it.
apt_install() {
    have apt-get || return 1
    local as_root=(env DEBIAN_FRONTEND=noninteractive)
    if [ "$(id -u)" != 0 ]; then
        have sudo && sudo -n true 2>/dev/null || return 1
        as_root=(sudo -n "${as_root[@]}")
    fi
    echo "installing with apt: $*"
    local install=("${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@")
    # The list of packages is fetched only where the machine's own is too old or absent.
    "${install[@]}" >/dev/null 2>&1 || { "${as_root[@]}" apt-get update -qq && "${install[@]}" >/dev/null; }
}
