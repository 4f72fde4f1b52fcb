/** Samples as stacks, and the three files that stacks are written to. */
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { CodecError, decodeSamples, type ProfileSample, SAMPLE_BYTES } from '../../abi/index.ts';
import { flameGraph } from './flame-graph.ts';
import { pprof } from './pprof.ts';
import { folded, type Places, stacksOf } from './stacks.ts';

const places: Places = {
  module: (id, version) => `m${id} v${version}`,
  insn: (_id, _version, insn) => `i${insn}`,
  kernel: (offset) =>
    ({ 100: ['main_loop', 'link_poll'], 196: ['kernel_main'], 300: ['sleep_after'], 400: ['map<&;'] })[
      offset
    ] ?? ['?'],
};

const sample = (more: Partial<ProfileSample>): ProfileSample => ({
  weight_ns: 0,
  core: 0,
  module: 0,
  version: 0,
  insn: 0xffff_ffff,
  frames: [],
  ...more,
});

const samples = [
  sample({ frames: [100, 200] }),
  sample({ frames: [300] }),
  sample({ module: 3, version: 2, insn: 7, weight_ns: 150 }),
  sample({ module: 3, version: 2, insn: 7, weight_ns: 150 }),
  sample({ module: 3, version: 2, insn: 9, weight_ns: 100, frames: [400] }),
  sample({ module: 4, version: 1, weight_ns: 50, core: 1 }),
];
const stacks = stacksOf(samples, 1000, places);

test('kernel code shares what modules leave of a core, and callers come first', (t) => {
  t.deepEqual(stacks, [
    { frames: ['kernel', 'kernel_main', 'main_loop', 'link_poll'], ns: 300 },
    { frames: ['idle'], ns: 300 },
    { frames: ['modules', 'm3 v2', 'i7'], ns: 300 },
    { frames: ['modules', 'm3 v2', 'i9', 'map<&;'], ns: 100 },
    { frames: ['modules', 'm4 v1'], ns: 50 },
  ]);
});

test('folded stacks have a line each, and nothing in a name ends a frame', (t) => {
  t.deepEqual(folded(stacks).split('\n'), [
    'kernel;kernel_main;main_loop;link_poll 300',
    'idle 300',
    'modules;m3 v2;i7 300',
    'modules;m3 v2;i9;map<&, 100',
    'modules;m4 v1 50',
    '',
  ]);
});

test('the flame graph is as wide as the time, and names are escaped', (t) => {
  const svg = flameGraph(stacks, 'a <board>');
  t.regex(svg, /^<svg [^>]*aria-label="a &lt;board&gt;"/);
  const widthOf = (name: string) =>
    Number(new RegExp(`<title>${name}: [^<]*</title><rect [^>]*width="([0-9.]+)"`).exec(svg)?.[1]);
  t.is(widthOf('all'), 1180);
  t.true(Math.abs(widthOf('modules') - (1180 * 450) / 1050) < 0.1);
  t.regex(svg, /<title>map&lt;&amp;;: 0\.1 µs, 9\.52 %<\/title>/);
  t.notThrows(() => flameGraph([], 'nothing'));
});

test('the profile of pprof is compressed, and its texts are there', (t) => {
  const bytes = gunzipSync(pprof(stacks, 1, 1000)).toString('latin1');
  for (const text of ['nanoseconds', 'link_poll', 'm3 v2', 'i7']) t.true(bytes.includes(text), text);
});

test('samples are read as the board lays them out, and half of one is refused', (t) => {
  const bytes = Buffer.alloc(2 * SAMPLE_BYTES);
  for (const [i, value] of [5, 1, 3, 2, 7, 0x1000, 0x2000].entries()) bytes.writeUInt32LE(value, 4 * i);
  t.deepEqual(decodeSamples(bytes)[0], {
    weight_ns: 5,
    core: 1,
    module: 3,
    version: 2,
    insn: 7,
    frames: [0x1000, 0x2000],
  });
  t.throws(() => decodeSamples(bytes.subarray(1)), { instanceOf: CodecError });
});
