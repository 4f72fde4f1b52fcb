/** Telemetry, maps and patches of the kernel, compiled for this machine with sanitizers against a small fake board. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { linkedProgram } from '../../../firmware/native.ts';
import { paths } from '../../../firmware/paths.ts';
import { findTool, run } from '../../../firmware/toolchain.ts';

const here = 'test/runtime';
const folder = (name: string) =>
  readdirSync(join(paths.kernel, name))
    .filter((file) => file.endsWith('.c') && file !== 'story.c') // reads the stack of a crashed board
    .map((file) => `${name}/${file}`);
const files = (name: string, stems: string) => stems.split(' ').map((stem) => `${name}/${stem}.c`);

const telemetry = [...folder('telemetry'), 'lib/printable.c'];

const flags = '-std=gnu23 -O1 -gline-tables-only -Wall -Wextra -Werror -pthread'.split(' ');
/** Without Debian's libclang-rt-19-dev undefined behaviour still ends the program, but memory errors go unseen. */
const sanitizers = () =>
  findTool('sanitizers')
    ? ['-fsanitize=address,undefined', '-fno-sanitize-recover=all']
    : ['-fsanitize=undefined', '-fsanitize-trap=all'];

const runNative = async (t: ExecutionContext, name: string, sources: readonly string[]) => {
  t.timeout(300_000);
  const includes = [`-I${join(paths.kernel, here, 'fakes')}`, `-I${paths.kernel}`];
  const inputs = [`${here}/${name}.c`, `${here}/fakes/fakes.c`, ...sources].map((f) => join(paths.kernel, f));
  const program = await linkedProgram(name, [...flags, ...sanitizers(), ...includes], inputs);
  await t.notThrowsAsync(run(program, []));
};

test('telemetry counts exactly, leaves room for rollbacks, and never overwrites evidence', (t) =>
  runNative(t, 'telemetry_test', [...telemetry, 'bpf/helpers/trace.c']));

test('maps equal a model, keep their shape, and lookups never miss beside updates', (t) =>
  runNative(t, 'maps_test', [...telemetry, ...folder('bpf/maps')]));

test('ring buffers equal a model, and lose nothing uncounted between cores', (t) =>
  runNative(t, 'ring_test', [...telemetry, ...folder('bpf/maps')]));

const patchSources =
  'calibrate compile dispatch install lines modules payload permission program_hash report service_modules service_report shadow slots stage timer_hook version watch';

const patchFiles = [
  `${here}/fakes/admission.c`,
  ...telemetry,
  ...folder('bpf/maps'),
  ...folder('bpf/helpers'),
  ...files('lib', 'cbor cbor_deterministic sha2 print varint'),
  ...files('patch', patchSources),
  'bpf/jit/where.c',
  'trust/policy.c',
];

test('patches are refused precisely, and bad versions are taken back by the board itself', (t) =>
  runNative(t, 'patch_test', patchFiles));

test('modules see the lines of a tick, and set those of its end', (t) =>
  runNative(t, 'lines_test', patchFiles));

test('a payload says what there is room for, and its key may ask for', (t) =>
  runNative(t, 'payload_test', [
    `${here}/fakes/admission.c`,
    ...files('lib', 'cbor cbor_deterministic print'),
    ...files('patch', 'payload permission'),
    'trust/policy.c',
  ]));

test('reports bring the host to what the counters say, whatever gets lost', (t) =>
  runNative(t, 'report_test', patchFiles));

test('keys sign what their policy says, as often as it says, until they are taken back', (t) =>
  runNative(t, 'keys_test', [
    'trust/keys.c',
    'trust/policy.c',
    ...files('lib', 'cbor cbor_deterministic sha2 print'),
  ]));

test('a policy that says anything unknown allows nothing, and what it limits is limited', (t) =>
  runNative(t, 'policy_test', ['trust/policy.c', ...files('lib', 'cbor cbor_deterministic')]));
