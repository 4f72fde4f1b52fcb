"""Reads a trace with Perfetto's own description of the format, and prints what is in it as JSON.

Fails where a packet has a field that the format does not know, a track is used that was not described, a slice ends that did
not begin, or one stays open.
"""
import json
import sys
from collections import Counter, defaultdict

from google.protobuf.unknown_fields import UnknownFieldSet
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent


def check_known(message, path):
    unknown = [field.field_number for field in UnknownFieldSet(message)]
    if unknown:
        sys.exit(f"{path} has fields that Perfetto does not know: {unknown}")
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for each in [value] if hasattr(value, "ListFields") else value:
            check_known(each, f"{path}.{field.name}")


trace = Trace()
trace.ParseFromString(sys.stdin.buffer.read())
check_known(trace, "trace")
tracks, parents, processes = {}, {}, {}
slices, instants, counters, open_slices = [], [], Counter(), defaultdict(list)
for packet in trace.packet:
    if packet.HasField("track_descriptor"):
        track = packet.track_descriptor
        tracks[track.uuid] = track.process.process_name or track.name
        parents[track.uuid] = track.parent_uuid
        if track.HasField("process"):
            processes[track.uuid] = track.process.process_name
    if not packet.HasField("track_event"):
        continue
    event = packet.track_event
    if event.track_uuid not in tracks:
        sys.exit(f"an event is on track {event.track_uuid}, which is not described")
    place = {"process": processes[parents[event.track_uuid]], "track": tracks[event.track_uuid]}
    if event.type == TrackEvent.TYPE_SLICE_BEGIN:
        open_slices[event.track_uuid].append((event.name, packet.timestamp))
    elif event.type == TrackEvent.TYPE_SLICE_END:
        name, began = open_slices[event.track_uuid].pop()
        if packet.timestamp < began:
            sys.exit(f"{name} ends before it begins")
        slices.append({**place, "name": name, "ns": packet.timestamp - began})
    elif event.type == TrackEvent.TYPE_INSTANT:
        instants.append({**place, "name": event.name})
    elif event.type == TrackEvent.TYPE_COUNTER:
        counters[f"{place['process']} / {place['track']}"] += 1
if any(open_slices.values()):
    sys.exit("a slice stays open")
print(json.dumps({"processes": list(processes.values()), "slices": slices, "instants": instants, "counters": counters}))
