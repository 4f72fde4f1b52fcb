"""Reads an OpenMetrics exposition from standard input with prometheus_client's parser, and prints its samples as JSON."""
import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = text_string_to_metric_families(sys.stdin.read())
samples = [sample for family in families for sample in family.samples]
print(json.dumps([{"name": s.name, "labels": s.labels, "value": float(s.value)} for s in samples]))
