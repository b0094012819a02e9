#!/usr/bin/env bash
# The planner of the refinery, simulated: what a run of the gate decides, how long changes wait, and faults.

"$bin/examples/merge_figures" "${CHANGES:-4000}" "${FAULTY:-10000}"
