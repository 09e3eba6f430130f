#!/bin/sh
# Paints a clip between two FFmpeg programs, without a file in between: sound and exact times go through.
#   sh examples/pipe.sh clip.mp4 painted.mp4
set -eu
ffmpeg -v error -i "$1" -fps_mode passthrough -c:v rawvideo -c:a copy -f nut - \
  | vidstyle run - --style "${STYLE:-waves}" --quiet -o - \
  | ffmpeg -v error -i - -fps_mode passthrough -c:v libx264 -crf 18 -c:a aac "$2"
