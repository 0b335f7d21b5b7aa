# The doors to everything. Each sets up what it needs first (tools/setup.sh).
.PHONY: demo check tidy bench fuzz format clean setup release
.DEFAULT_GOAL := release

# Compilers at once; each may take 1 GB.
JOBS ?= $(shell n=$$(nproc); echo $$((n > 4 ? 4 : n)))

setup:
	@tools/setup.sh

release: setup
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j$(JOBS)

demo: release
	@tools/demo.sh

# Format, release build, all tests, sanitizers, clang's thread-safety analysis.
# Ends with one line: "N passed, N failed".
check: setup
	@tools/check.sh

# Lints what is compiled; slow, so not part of check.
tidy: setup
	@cmake --preset clang >/dev/null
	@cmake --build --preset clang -j$(JOBS)
	@git ls-files -- 'pager/*.cc' 'btree/*.cc' 'catalog/*.cc' 'document/*.cc' \
	  'graph/*.cc' 'vector/*.cc' 'blob/*.cc' 'api/*.cc' 'cli/*.cc' \
	  | xargs -r -P2 -n4 clang-tidy -p build/clang --quiet

bench:
	@tools/setup.sh --bench
	@cmake --preset release -DSHEAF_BENCH=ON >/dev/null
	@cmake --build --preset release -j$(JOBS) --target sheaf_bench sheaf_merge_bench sheaf_expiry_bench sheaf_blobs_bench sheaf_keeping_bench sheaf_documents_bench \
	  sheaf_graphs_bench sheaf_vectors_bench wordnet_to_jsonl wordnet_to_vectors
	@build/release/wordnet_to_jsonl /usr/share/wordnet >build/wordnet.jsonl
	@build/release/sheaf_bench --json build/bench.json
	@build/release/sheaf_merge_bench --dir=build/merge-bench
	@mkdir -p build/expiry-bench
	@build/release/sheaf_expiry_bench 10000000 build/expiry-bench
	@build/release/sheaf_blobs_bench --dir=build/blobs-bench --json=build/bench-blobs.json
	@build/release/sheaf_keeping_bench --dir=build/keeping-bench \
	  --documents=build/wordnet.jsonl --json=build/bench-keeping.json
	@build/release/sheaf_documents_bench --dir=build/documents-bench \
	  --documents=build/wordnet.jsonl --json=build/bench-documents.json
	@build/release/sheaf_graphs_bench --dir=build/graphs-bench \
	  --documents=build/wordnet.jsonl --json=build/bench-graphs.json
	@build/release/wordnet_to_vectors <build/wordnet.jsonl >build/wordnet-vectors.jsonl
	@build/release/sheaf_vectors_bench --dir=build/vectors-bench \
	  --words=build/wordnet-vectors.jsonl --json=build/bench-vectors.json

# FUZZ_SECONDS for each fuzzer; findings and the grown corpora are in build/fuzz.
FUZZ_SECONDS ?= 300
fuzz: setup
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tools/fuzz.sh

format: setup
	@git ls-files -- '*.cc' '*.h' | xargs -r clang-format -i

clean:
	@rm -rf build
