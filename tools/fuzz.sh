#!/bin/bash
# Runs every libFuzzer fuzzer for FUZZ_SECONDS (300). New inputs are kept in
# build/fuzz/corpus/<fuzzer>; what crashed is build/fuzz/found/<fuzzer>-*.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j2
mkdir -p build/fuzz/found
found=0
for fuzzer in build/fuzz/fuzz/*_fuzz; do
  [[ -x $fuzzer ]] || continue
  name=$(basename "$fuzzer")
  if [[ $name == canary_fuzz ]]; then  # has a bug, and must find it
    if "$fuzzer" -max_total_time=20 -artifact_prefix=/tmp/sheaf-canary- >/dev/null 2>&1; then
      echo "== the canary was not found"
      found=$((found + 1))
    fi
    continue
  fi
  grown=build/fuzz/corpus/$name
  seeds=tests/fuzz/corpus/$name
  mkdir -p "$grown"
  folders=("$grown")
  if [[ -d $seeds ]]; then folders+=("$seeds"); fi
  echo "== $name, ${FUZZ_SECONDS:-300} s"
  "$fuzzer" -max_total_time="${FUZZ_SECONDS:-300}" -timeout=20 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="build/fuzz/found/$name-" "${folders[@]}" \
    2>&1 | grep -E 'Seed|ERROR|SUMMARY|Test unit|stat::|^Done' || true
  if compgen -G "build/fuzz/found/$name-*" >/dev/null; then found=$((found + 1)); fi
done
echo "$found fuzzers found something"
[[ $found -eq 0 ]]
