#!/usr/bin/env bash
# Builds every fuzz target with instrumentation and runs each for SECONDS, two at a time or as many as MADANG_FUZZ_JOBS
# says: tests/fuzz/run.sh SECONDS [TARGET…]
# It begins with corpus/TARGET. Finds go to found/TARGET, where the next run goes on; MADANG_FUZZ_KEEP=1 adds to the
# corpus what of them reaches new code, and to hours.tsv how long it ran: processor seconds, executions, edges, commit.
# An input that breaks something is left in artifacts/TARGET, and this fails. `run.sh 0` sums hours.tsv up.
# Needs a C++ compiler. Works with the stable toolchain: the two flags it asks for are unlocked by RUSTC_BOOTSTRAP.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
readonly seconds="${1:?how many seconds for each target?}"
shift

all=(frame envelope descriptor invite request reply cursor mailbox client link identity bundle init renewal ratchet seal key_file content backup wire log_record relay_config records command typed picture)
readonly targets=("${@:-${all[@]}}")
if [ "$seconds" = 0 ]; then
  [ -f hours.tsv ] || { echo "nothing has been kept yet"; exit; }
  for target in "${targets[@]}"; do
    awk -F '\t' -v of="$target" '$1 == of { cpu += $2; runs += $3; edges = $4 > edges ? $4 : edges }
      END { printf "%-12s %7d s of processor %13d executions %7d edges\n", of, cpu, runs, edges }' hours.tsv
  done
  exit
fi
triple="$(rustc -vV | sed -n 's/^host: //p')"
build_dir="${CARGO_TARGET_DIR:-$PWD/target}"
[ -n "${CARGO_TARGET_DIR:-}" ] && build_dir="$CARGO_TARGET_DIR/fuzz"

coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
coverage+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
coverage+=" -Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address"
bins=()
for target in "${targets[@]}"; do bins+=(--bin "$target"); done
# A given target triple keeps build scripts and macros free of the instrumentation.
RUSTC_BOOTSTRAP=1 RUSTFLAGS="$coverage" \
  cargo build --release --target "$triple" --target-dir "$build_dir" "${bins[@]}"

# Edges are those that were reached, with their share of all that are built in, libraries included.
printf '%-12s %12s %10s %6s %10s %10s\n' target executions edges share features corpus
one() {
  local target=$1 broken=0 log last runs built share cpu
  mkdir -p "corpus/$target" "found/$target" "artifacts/$target"
  log="artifacts/$target/log"
  if ! ASAN_OPTIONS=detect_leaks=0 "$build_dir/$triple/release/$target" -max_total_time="$seconds" -max_len=70000 \
    -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 -artifact_prefix="artifacts/$target/" \
    "found/$target" "corpus/$target" >"$log" 2>&1; then
    broken=1
    printf '%s broke; the last lines of %s:\n' "$target" "$PWD/$log"
    tail -n 30 "$log"
  fi
  # What children of this shell used up, user and system: so far that is the target alone.
  times >"$log.times"
  cpu="$(awk 'NR == 2 { split($1, u, /[ms]/); split($2, s, /[ms]/); printf "%d", u[1] * 60 + u[2] + s[1] * 60 + s[2] }' "$log.times")"
  if [ -n "${MADANG_FUZZ_KEEP:-}" ]; then
    ASAN_OPTIONS=detect_leaks=0 "$build_dir/$triple/release/$target" -merge=1 -max_len=70000 \
      "corpus/$target" "found/$target" >/dev/null 2>&1
  fi
  last="$(grep -E ' cov: ' "$log" | tail -n 1 || true)"
  field() { sed -n "s/.* $1: \([0-9]*\).*/\1/p" <<<"$last"; }
  runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  built="$(sed -n 's/^INFO: Loaded [0-9]* PC tables (\([0-9]*\) PCs).*/\1/p' "$log" | head -n 1)"
  share="$(awk -v reached="$(field cov)" -v all="${built:-0}" 'BEGIN { if (all > 0) printf "%.1f%%", 100 * reached / all; else print "?" }')"
  printf '%-12s %12s %10s %6s %10s %10s\n' "$target" "${runs:-?}" "$(field cov)" "$share" "$(field ft)" "$(find "corpus/$target" "found/$target" -type f | wc -l)"
  if [ -n "${MADANG_FUZZ_KEEP:-}" ]; then
    printf '%s\t%s\t%s\t%s\t%s\n' "$target" "$cpu" "${runs:-0}" "$(field cov)" "$(git rev-parse --short HEAD)" >>hours.tsv
  fi
  return "$broken"
}
export -f one
export seconds build_dir triple
printf '%s\n' "${targets[@]}" | xargs -P "${MADANG_FUZZ_JOBS:-2}" -I '{}' bash -c 'one {}'
