#!/usr/bin/env bash
# Gradescope runs this once, when it builds the autograder's image. The course's repository lies beside this file in
# the zip that is uploaded, as source/headstart.
set -euo pipefail
apt-get update && apt-get install -y python3 python3-venv
python3 -m venv /autograder/judge
/autograder/judge/bin/pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
/autograder/judge/bin/pip install "/autograder/source/headstart[grade]"
