#!/bin/sh
# Whether the tests see a mutant. What is quick and exact comes first; each step ends at the first test that does.
# With CI set, hypothesis draws the same examples each time and gives them any time: a mutant dies of what it does alone.
export CI=1
engine=tests/unit/engine
look="python -m pytest -x -q --noconftest -p no:cacheprovider -p no:xdist"
$look tests/conformance/test_expressions.py -k "not replay and not validate" \
  && $look $engine/test_checker.py $engine/test_flow_checks.py $engine/test_inference.py $engine/test_action_checks.py \
  $engine/test_functions.py $engine/test_alarm_model.py \
  && $look $engine/test_loader.py $engine/test_timers.py tests/conformance/test_traces.py $engine/test_parser.py
