#!/bin/sh
# A film by curl alone:  klingmock exec -- sh examples/film.sh
set -eu
tasks=$KLING_BASE_URL/v1/videos/multi-image2video
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
ask() { curl --silent --fail-with-body --noproxy '*' --header "Authorization: Bearer $KLING_API_KEY" "$@"; }

id=$(ask --json '{"image_list": [{"image": "https://example.com/dog.png"}], "prompt": "a dog"}' "$tasks" | field task_id)
# In a hurry, the double's clock can be asked to let ten minutes pass.
curl --silent --fail --noproxy '*' --output /dev/null --json '{"advance_ms": 600000}' "$KLINGMOCK_URL/clock"
status=$(ask "$tasks/$id" | field task_status)
echo "task $id: $status"
[ "$status" = succeed ]
