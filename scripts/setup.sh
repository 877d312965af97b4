#!/usr/bin/env bash
# Installs what building and testing need and the machine lacks: a C++ compiler and cmake (for whisper.cpp, libopus and
# fdk-aac), ffmpeg and sox (for the tests of formats).
. "$(dirname "$0")/lib.sh"

have cargo || fail "Rust is missing: install it from https://rustup.rs and run make again"

have c++ || have g++ || apt_install g++ ||
    fail "a C++ compiler is missing: install g++ or clang with your package manager"

# The tests hold every format to what these make of it.
have ffmpeg || apt_install ffmpeg || echo "ffmpeg is missing: the tests of formats need it"
have sox || apt_install sox || echo "sox is missing: the tests of formats need it"

if ! have cmake && ! apt_install cmake; then
    # The build of cmake that its makers publish for Python; needs no rights on the machine.
    echo "installing with pip into target/tools: cmake"
    { have python3 && python3 -m venv target/tools && target/tools/bin/pip install --quiet cmake; } ||
        fail "cmake is missing: install it with your package manager"
fi
