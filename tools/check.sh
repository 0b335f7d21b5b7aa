#!/bin/bash
# What `make check` does. Every step runs even when an earlier one failed, so that one
# run tells everything. The last line is "N passed, N failed": test cases of all runs,
# plus one failed for each step that could not be built or is not formatted.
set -uo pipefail
cd "$(dirname "$0")/.."

# Compilers and tests at once; each may take 1 GB.
jobs=$(nproc)
((jobs <= 4)) || jobs=4
passed=0
failed=0
broken=()

step() { printf '\n== %s (%s)\n' "$1" "$(date +%T)"; }

fail() {
  failed=$((failed + 1))
  broken+=("$1")
  echo "FAILED: $1"
}

sources() {  # what git tracks; everything in a tree without git
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -- '*.cc' '*.h'
  else
    find . -path ./build -prune -o \( -name '*.cc' -o -name '*.h' \) -print
  fi
}

# build <preset> [target]...
build() {
  local preset=$1 target log=build/$1.log
  local targets=()
  shift
  for target in "$@"; do targets+=(--target "$target"); done
  mkdir -p build
  if cmake --preset "$preset" -DSHEAF_WERROR=ON >"$log" 2>&1 &&
    cmake --build --preset "$preset" -j"$jobs" "${targets[@]}" >>"$log" 2>&1; then
    return 0
  fi
  grep -E -A8 'error|FAILED|Error' "$log" | head -n 80
  fail "build $preset (all of it: $log)"
  return 1
}

# Counts the cases of one ctest run from its log. A test program without cases of its
# own (a fuzzer, an example), or one that died, counts as one.
count_cases() {
  awk '
    function finish() {
      if (!running) return
      if (ok && p == 0) p = 1
      if (!ok && f == 0) f = 1
      passed += p; failed += f
    }
    /^[0-9]+\/[0-9]+ Testing: / { finish(); running = 1; p = 0; f = 0; ok = 0 }
    /^\[  PASSED  \] [0-9]+ test/ { p = $4 }
    /^\[  FAILED  \] [0-9]+ tests?, listed below/ { f = $4 }
    /^Test Passed\.$/ { ok = 1 }
    END { finish(); printf "%d %d\n", passed, failed }
  ' "$1"
}

# run_tests <preset> [ctest argument]...
run_tests() {
  local preset=$1 ok=yes case_passed case_failed
  shift
  local log=build/$preset/Testing/Temporary/LastTest.log
  rm -f "$log"
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=ignore "$@" || ok=no
  if [[ ! -f $log ]]; then
    [[ $ok == yes ]] || fail "ctest $preset"
    return
  fi
  read -r case_passed case_failed < <(count_cases "$log")
  if [[ $ok == no && $case_failed -eq 0 ]]; then case_failed=1; fi
  passed=$((passed + case_passed))
  failed=$((failed + case_failed))
  if [[ $case_failed -gt 0 ]]; then broken+=("tests $preset: $case_failed cases"); fi
}

step "format"
unformatted=$(sources | xargs -r clang-format --dry-run -Werror 2>&1 |
  grep -E 'error: code should' | cut -d: -f1 | sort | uniq -c)
if [[ -n $unformatted ]]; then
  echo "$unformatted"
  fail "format (make format repairs it)"
fi

step "release build and all tests"
build release && run_tests release -L 'fast|slow' -j"$jobs"

# By clang: its analysis of the locks (-Wthread-safety) comes with the same build.
step "clang: locks, address and undefined-behaviour sanitizers, fast tests"
build asan sheaf_fast_tests && ASAN_OPTIONS=detect_stack_use_after_return=1 \
  UBSAN_OPTIONS=print_stacktrace=1 run_tests asan -L fast -j"$jobs"

step "thread sanitizer, tests/race"
build tsan sheaf_tsan_tests &&
  TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1 suppressions=$PWD/tests/race/tsan.supp" \
    run_tests tsan -L tsan

echo
for what in "${broken[@]}"; do echo "failed: $what"; done
echo "$passed passed, $failed failed"
[[ $failed -eq 0 && $passed -gt 0 ]]
