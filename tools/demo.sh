#!/bin/bash
# tools/demo.sh [BUILD]: WordNet in one file, a writer killed in the middle, five times,
# then the file made small, copied in secret, damaged and salvaged, then asked with indexes, then its pointers as a graph: paths, patterns, what is central, a
# picture, then found by meaning, then with a picture and a report beside them as blobs. Uses BUILD/sheaf, BUILD/wordnet_to_jsonl, wordnet_to_vectors and BUILD/wordnet_to_graph (BUILD: build/release) and leaves the file in build/demo to play with. Fails if anything is not as it must be.
set -euo pipefail
export LC_ALL=C  # sorts by bytes, as keys are ordered

cd "$(dirname "$0")/.."
build=${1:-build/release}
wordnet=/usr/share/wordnet
synsets_expected=117659
vectors_expected=117649
vectors_expected_text=117,649
folder=build/demo
source=$folder/wordnet.jsonl
batch=500
kill_points=(2 15 60 120 200)  # acknowledged transactions before the kill

fail() {
  echo "demo: $*" >&2
  exit 1
}

title() {
  if [[ -t 1 && -z ${NO_COLOR:-} ]]; then printf '\n\033[1m%s\033[0m\n' "$1"; else printf '\n%s\n' "$1"; fi
}

# Shows a command as a user types it, then runs it.
show() {
  echo "\$ sheaf $*"
  sheaf "$@"
}

sheaf() { (cd "$folder" && exec "$sheaf_path" "$@"); }

group() {  # 117,659
  printf '%s' "$1" | sed -E ':again; s/^([0-9]+)([0-9]{3})/\1,\2/; t again'
}

# Fails unless the file is whole and holds the first documents of the source, as they
# are there, and nothing else. Keys begin each line, so sorting lines sorts keys.
expect_first_documents() {
  local file=$1 count=$2
  sheaf check "$file" >"$folder/check.txt" || fail "check found damage: $(cat "$folder/check.txt")"
  head -n "$count" "$source" | sort >"$folder/expected.jsonl"
  sheaf scan "$file" synsets --json >"$folder/found.jsonl"
  cmp "$folder/expected.jsonl" "$folder/found.jsonl" || fail "$file does not hold the documents it must"
}

count_documents() { sheaf scan "$1" synsets --keys | wc -l; }

# Imports into a fresh file and kills the import after $1 acknowledged transactions.
# Sets acknowledged: the documents it was told to be durable.
import_and_kill() {
  rm -f "$folder"/killed.sheaf* "$folder/acknowledged"
  mkfifo "$folder/acknowledged"
  "$sheaf_path" import "$folder/killed.sheaf" synsets --key id --in "$source" --batch $batch \
    --acknowledge >"$folder/acknowledged" &
  local writer=$! word number status=0 transactions=0
  exec 3<"$folder/acknowledged"
  acknowledged=0
  while [[ $transactions -lt $1 ]] && read -r word number <&3; do
    acknowledged=$number
    transactions=$((transactions + 1))
  done
  sleep "0.00$((RANDOM % 10))"  # anywhere in a transaction
  kill -KILL $writer 2>/dev/null || true
  while read -r word number <&3; do  # what it could still say before it died
    if [[ $word == committed ]]; then acknowledged=$number; fi
  done
  exec 3<&-
  wait $writer 2>/dev/null || status=$?
  [[ $status -eq 137 ]] || fail "the import ended (exit code $status) before it was killed"
}

kill_test() {
  local found
  import_and_kill "$1"
  [[ -s $folder/killed.sheaf-log ]] || fail "no log beside the file: was the writer killed?"
  found=$(count_documents killed.sheaf)
  if [[ $found -lt $acknowledged || $found -gt $((acknowledged + batch)) ]]; then
    fail "$acknowledged documents were acknowledged, $found are there"
  fi
  [[ $((found % batch)) -eq 0 ]] || fail "half a transaction: $found documents"
  expect_first_documents killed.sheaf "$found"
  printf '  %12s  %9s   whole transactions only, check clean, every document as in the source\n' \
    "$(group "$acknowledged")" "$(group "$found")"
}

sheaf_path=$(realpath -e "$build/sheaf") || fail "build first: make"
[[ -r $wordnet/data.noun ]] || fail "WordNet is missing: tools/setup.sh installs it"
rm -rf "$folder"
mkdir -p "$folder"
started=$SECONDS

title "1. WordNet, as JSON documents, into one file"
"$build/wordnet_to_jsonl" $wordnet >"$source"
[[ $(wc -l <"$source") -eq $synsets_expected ]] || fail "WordNet has another number of synsets"
show import wordnet.sheaf synsets --key id --in wordnet.jsonl
show list wordnet.sheaf
sheaf list wordnet.sheaf --json | grep -q "\"entries\":$synsets_expected" || fail "documents are missing"
[[ ! -e $folder/wordnet.sheaf-log ]] || fail "a log is left after a clean close"

title "2. Looking around"
show get wordnet.sheaf synsets n02919414
show scan wordnet.sheaf synsets --prefix v0000 --limit 3 | cut -c 1-110
show scan wordnet.sheaf synsets --reverse --limit 2 --keys
echo "\$ sheaf get wordnet.sheaf synsets unicorn"
status=0
sheaf get wordnet.sheaf synsets unicorn 2>&1 || status=$?
[[ $status -eq 1 ]] || fail "an absent key must give exit code 1"

title "3. The file"
show stat wordnet.sheaf
show check wordnet.sheaf
expect_first_documents wordnet.sheaf $synsets_expected

title "4. kill -9 in the middle of an import, transactions of $batch documents"
echo "  acknowledged   in the file"
for transactions in "${kill_points[@]}"; do kill_test "$transactions"; done
found=$(count_documents killed.sheaf)
echo "Importing the rest into the file that was killed last:"
tail -n +$((found + 1)) "$source" >"$folder/rest.jsonl"
show import killed.sheaf synsets --key id --in rest.jsonl
expect_first_documents killed.sheaf $synsets_expected
rm -f "$folder"/killed.sheaf* "$folder"/{acknowledged,rest.jsonl}

title "5. Copied in secret, made smaller, damaged"
head -c 32 /dev/urandom >"$folder/backup.key"
show backup wordnet.sheaf backup.sheaf --compact --new-key-file backup.key --force
show verify-backup backup.sheaf --key-file backup.key
grep -q "unicorn" "$folder/wordnet.sheaf" || fail "the plain file cannot be read"
if grep -q "unicorn" "$folder/backup.sheaf"; then fail "the encrypted backup can be read"; fi
show compress wordnet.sheaf synsets --with zstd-dict
show compact wordnet.sheaf
expect_first_documents wordnet.sheaf $synsets_expected
echo "One page in the middle of a copy is overwritten:"
cp "$folder/wordnet.sheaf" "$folder/damaged.sheaf"
dd if=/dev/urandom of="$folder/damaged.sheaf" bs=4096 count=1 seek=1500 conv=notrunc status=none
status=0
show check damaged.sheaf || status=$?
[[ $status -eq 1 ]] || fail "the damage was not found"
status=0
show salvage damaged.sheaf salvaged.sheaf --force || status=$?
[[ $status -eq 1 ]] || fail "salvage must tell of a loss by exit code 1"
found=$(count_documents salvaged.sheaf)
[[ $found -gt $((synsets_expected - 200)) && $found -le $synsets_expected ]] || fail "$found documents were salvaged"
rm -f "$folder"/{backup,damaged,salvaged}.sheaf "$folder"/{backup.key,check.txt,expected.jsonl,found.jsonl}

title "6. Asking"
show index create wordnet.sheaf synsets words
show index create wordnet.sheaf synsets pos,lexfile
show find wordnet.sheaf synsets '{"words":"sheaf"}' --project words,gloss
echo "Which verbs have to do with binding?"
show find wordnet.sheaf synsets '{"pos":"verb","gloss":{"$regex":"\\b(bind|bundle)"}}' --project words --limit 5
echo "How many synsets has each part of speech?"
show find wordnet.sheaf synsets --group '{"_id":"$pos","synsets":{"$sum":1},"last":{"$max":"$id"}}'
echo "How is that found?"
show find wordnet.sheaf synsets '{"pos":"noun","lexfile":{"$gte":27}}' --explain
[[ $(sheaf count wordnet.sheaf synsets '{"words":"sheaf"}') -eq $(grep -c '"words":\[[^]]*"sheaf"' "$source") ]] ||
  fail "the index and the documents disagree"
show update wordnet.sheaf synsets '{"words":"sheaf"}' '{"$addToSet":{"seen_in":"the demo"}}'
show find wordnet.sheaf synsets '{"seen_in":{"$exists":true}}' --keys
sheaf check wordnet.sheaf >"$folder/check.txt" || fail "check found damage: $(cat "$folder/check.txt")"
rm -f "$folder/check.txt"

title "7. The graph of its pointers, in the same file"
"$build/wordnet_to_graph" $wordnet <"$source" >"$folder/graph.jsonl"
show graph load wordnet.sheaf words graph.jsonl
show graph get wordnet.sheaf words | head -n 12
sheaf graph get wordnet.sheaf words --json | grep -q "\"vertices\":$synsets_expected,\"edges\":377592" || fail "pointers are missing"
echo "What is a dog, up to the top?"
show graph path wordnet.sheaf words dog.n.1 entity.n.1 --type hypernym
echo "How do a dog and a cat hang together?"
show graph path wordnet.sheaf words dog.n.1 cat.n.1 --type hypernym --direction both
echo "Which parts have parts of their own, of a car?"
show graph match wordnet.sheaf words "(car {name: 'car.n.1'})-[:\`part meronym\`]->(part)-[:\`part meronym\`]->(piece)"
echo "Which synsets are the most central ones?"
show graph algo wordnet.sheaf words pagerank --type hypernym --limit 5
echo "Every noun has one root: how many nouns have nothing above them?"
roots=$(sheaf graph algo wordnet.sheaf words degree --label Noun --type hypernym --type "instance hypernym" --json --limit 1000000 | grep -c '"value":0')
echo "$roots"
[[ $roots -eq 1 ]] || fail "$roots nouns are roots"
show graph algo wordnet.sheaf words wcc --limit 3
echo "Each hyponym pointer has its hypernym pointer:"
show graph match wordnet.sheaf words "(a)-[:hyponym]->(b)" --json | sed -E 's/.*"a":([0-9]+),"b":([0-9]+).*/\2 \1/' | sort >"$folder/down.txt"
sheaf graph match wordnet.sheaf words "(a)-[:hypernym]->(b)" --json | sed -E 's/.*"a":([0-9]+),"b":([0-9]+).*/\1 \2/' | sort >"$folder/up.txt"
sed -i '1d' "$folder/down.txt"  # the command itself
cmp "$folder/down.txt" "$folder/up.txt" || fail "hyponyms and hypernyms disagree"
echo "  $(wc -l <"$folder/up.txt") pairs"
echo "\$ sheaf graph neighbors wordnet.sheaf words '{\"words\":\"sheaf\"}' --direction both --depth 2 --dot | dot -Tsvg >sheaf.svg"
sheaf graph neighbors wordnet.sheaf words '{"words":"sheaf"}' --direction both --depth 2 --limit 60 --dot >"$folder/sheaf.dot"
dot -Tsvg "$folder/sheaf.dot" >"$folder/sheaf.svg" || fail "the picture cannot be drawn"
echo "  a picture: $folder/sheaf.svg"
sheaf check wordnet.sheaf >"$folder/check.txt" || fail "check found damage: $(cat "$folder/check.txt")"
rm -f "$folder"/{check,up,down}.txt "$folder/graph.jsonl"

title "Found by meaning: glosses as $vectors_expected_text vectors beside documents and graph"
"$build/wordnet_to_vectors" <"$source" >"$folder/vectors.jsonl"
[[ $(wc -l <"$folder/vectors.jsonl") -eq $vectors_expected ]] || fail "not $vectors_expected vectors"
show vector import wordnet.sheaf meaning vectors.jsonl --key id --optimize
show vector search wordnet.sheaf meaning --key n02084071 -k 5
# A dog is near to what is said of dogs; by part of speech only verbs are; the documents say which.
sheaf vector search wordnet.sheaf meaning --key n02084071 -k 3 --filter '{"pos":"verb"}' --json >"$folder/near.json"
for id in $(grep -o '"key":"[a-z0-9]*"' "$folder/near.json" | cut -d'"' -f4); do
  [[ $id == v* ]] || fail "$id is no verb"
  echo "  $id: $(sheaf find wordnet.sheaf synsets "{\"_id\":\"$id\"}" --project '{"words":1,"gloss":1,"_id":0}')"
done
[[ $(grep -o '"key":' "$folder/near.json" | wc -l) -eq 3 ]] || fail "a search under a filter did not find 3"
show vector recall wordnet.sheaf meaning --sample 300
sheaf check wordnet.sheaf >"$folder/check.txt" || fail "check found damage: $(cat "$folder/check.txt")"
rm -f "$folder"/{check.txt,near.json,vectors.jsonl}

title "A picture and a report, as blobs beside what they are about"
id=$(sheaf find wordnet.sheaf synsets '{"words":"sheaf","pos":"noun"}' --keys --limit 1)
dot -Tpng "$folder/sheaf.dot" >"$folder/sheaf.png" || fail "the picture cannot be drawn"
show blob put wordnet.sheaf files "$id/sheaf.svg" sheaf.svg --owner "synsets:$id" --tag picture --metadata '{"vertices":60}'
show blob put wordnet.sheaf files "$id/sheaf.png" sheaf.png --owner "synsets:$id" --tag picture
show blob link wordnet.sheaf files "$id/sheaf.png" derived "$id/sheaf.svg" --context 'by graphviz'
echo "A report on all verbs, through a pipe, compressed:"
sheaf find wordnet.sheaf synsets '{"pos":"verb"}' --columns words,gloss >"$folder/verbs.txt"
echo "\$ cat verbs.txt | sheaf blob put wordnet.sheaf files verbs.txt - --tag report --zstd 9"
cat "$folder/verbs.txt" | sheaf blob put wordnet.sheaf files verbs.txt - --tag report --zstd 9
show blob list wordnet.sheaf files
echo "What belongs to the synset, and what was made from what?"
show blob list wordnet.sheaf files --owner "synsets:$id" --keys
show blob chain wordnet.sheaf files "$id/sheaf.png"
show blob info wordnet.sheaf files "$id/sheaf.svg"
echo "A range from the middle of the report, of which no more than 64 KiB are unpacked:"
show blob range wordnet.sheaf files verbs.txt 700000 200
echo
cmp <(sheaf blob range wordnet.sheaf files verbs.txt 700000 100000) <(tail -c +700001 "$folder/verbs.txt" | head -c 100000) ||
  fail "a range of the report is another"
for name in svg png; do
  sheaf blob cat wordnet.sheaf files "$id/sheaf.$name" | cmp - "$folder/sheaf.$name" || fail "the picture is another"
done
show blob cat wordnet.sheaf files "$id/sheaf.svg" --output again.svg
cmp "$folder/sheaf.svg" "$folder/again.svg" || fail "the picture is another"
echo "A pipe that is cut leaves the blob as it was:"
status=0
head -c 1000 "$folder/sheaf.png" | sheaf blob put wordnet.sheaf files "$id/sheaf.png" --size "$(stat -c %s "$folder/sheaf.png")" 2>&1 || status=$?
[[ $status -eq 5 ]] || fail "a cut picture was stored"
sheaf blob cat wordnet.sheaf files "$id/sheaf.png" | cmp - "$folder/sheaf.png" || fail "the picture is another"
echo "The picture for every synset of a bundle, stored once:"
show blob share wordnet.sheaf files pictures on
for other in $(sheaf find wordnet.sheaf synsets '{"words":"bundle"}' --keys); do
  sheaf blob put wordnet.sheaf files "$other/shared.svg" sheaf.svg --namespace pictures --owner "synsets:$other"
done
show blob stats wordnet.sheaf files
[[ $(sheaf blob stats wordnet.sheaf files --json) == *'"shared_contents":1,'* ]] || fail "equal pictures are not shared"
echo "The report and one picture are wanted for three seconds, and then nobody sees them:"
show blob set wordnet.sheaf files verbs.txt --ttl 3s
show blob put wordnet.sheaf files "$id/brief.svg" sheaf.svg --owner "synsets:$id" --ttl 3s
sheaf blob range wordnet.sheaf files verbs.txt 0 40 >"$folder/again.svg" || fail "the report is gone before its time"
sleep 3.1
status=0
show blob info wordnet.sheaf files verbs.txt 2>&1 || status=$?
[[ $status -ne 0 ]] || fail "the report did not expire"
show expire wordnet.sheaf --report
show expire wordnet.sheaf
sheaf check wordnet.sheaf >"$folder/check.txt" || fail "check found damage: $(cat "$folder/check.txt")"
rm -f "$folder"/{check.txt,again.svg,verbs.txt}

title "All as it must be, in $((SECONDS - started)) s. Try: $build/sheaf find $folder/wordnet.sheaf synsets '{\"words\":\"leaf\"}'"
