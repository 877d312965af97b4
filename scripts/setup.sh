#!/usr/bin/env bash
# Installs what building needs and the machine lacks: a C++ compiler and cmake (for whisper.cpp and libopus).
. "$(dirname "$0")/lib.sh"

have cargo || fail "Rust is missing: install it from https://rustup.rs and run make again"

have c++ || have g++ || apt_install g++ ||
    fail "a C++ compiler is missing: install g++ or clang with your package manager"

if ! have cmake && ! apt_install cmake; then
    # The build of cmake that its makers publish for Python; needs no rights on the machine.
    echo "installing with pip into target/tools: cmake"
    { have python3 && python3 -m venv target/tools && target/tools/bin/pip install --quiet cmake; } ||
        fail "cmake is missing: install it with your package manager"
fi
