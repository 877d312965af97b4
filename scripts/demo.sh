#!/usr/bin/env bash
# The demo: sample calls go to a running server as a recorder would send them, and what was found comes back.
#
#   scripts/demo.sh DITING MODEL
#
# Ends with an error unless the forbidden promise, the threat with the regulator and the greeting were found.
. "$(dirname "$0")/lib.sh"

diting=$PWD/$1
model=$2
calls=samples/calls

work=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

heading "1. A server starts: diting serve --model $model"
"$diting" serve --model "$model" --listen 127.0.0.1:0 --data "$work/data" --ready-file "$work/address" \
    2>"$work/server.log" &
server=$!
until [ -s "$work/address" ]; do
    kill -0 "$server" 2>/dev/null || { cat "$work/server.log" >&2; fail "the server did not start"; }
    sleep 0.2
done
DITING_SERVER=http://$(cat "$work/address")
export DITING_SERVER
echo "listening on $DITING_SERVER, data in a temporary folder"

heading "2. A recorder sends four calls over gRPC: diting push $calls --wait"
"$diting" push "$calls" --wait

heading "3. What the server knows: diting calls list"
"$diting" calls list

heading "4. The mis-selling call: diting calls show mis-selling"
"$diting" calls show mis-selling

heading "5. Without a server, from an Opus file whose roles nobody declared: diting analyze fraud-warning.opus"
"$diting" analyze --model "$model" "$calls/fraud-warning.opus"

heading "6. What must have been found"
missing=0
# expect CALL RULE VERDICT MEANING: whether the server holds this verdict.
expect() {
    local finding
    if finding=$("$diting" calls findings "$1" --verdict hit --verdict miss --limit 500 --format json |
        grep -E "\"ruleId\": ?\"$2\".*\"verdict\": ?\"$3\""); then
        printf '  ok       %-3s %s%s\n' "$2" "$4" "$(grep -oE '"text": ?"[^"]+"' <<<"$finding" | head -1 | sed -E 's/.*: ?"(.*)"/: \1/')"
    else
        printf '  MISSING  %-3s %s\n' "$2" "$4"
        missing=1
    fi
}
expect mis-selling S01 VERDICT_HIT "the agent promises 保本保息"
expect mis-selling W01 VERDICT_HIT "the customer threatens to go to the regulator"
expect mis-selling B01 VERDICT_MISS "the required greeting was said"
expect wealth-sale S01 VERDICT_MISS "the good call promises nothing"
expect wealth-sale S17 VERDICT_MISS "the good call warns of the risk"
[ "$missing" = 0 ] || fail "the demo did not find what it should"
