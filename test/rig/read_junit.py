"""Reads a JUnit report from standard input with junitparser, and prints what it counts and finds as JSON."""
import io
import json
import sys

from junitparser.xunit2 import JUnitXml

report = JUnitXml.fromfile(io.BytesIO(sys.stdin.buffer.read()))
found = {"tests": report.tests, "failures": report.failures, "skipped": sum(suite.skipped for suite in report), "failed": [], "tried_again": []}
for suite in report:
    for case in suite:
        place = f"{suite.name} {case.name}"
        found["failed"] += [[place, r.type, r.message] for r in case.result if type(r).__name__ == "Failure"]
        found["tried_again"] += [[place, r.message] for r in case.rerun_failures() + case.flaky_failures()]
print(json.dumps(found))
