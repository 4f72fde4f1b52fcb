/** The verifier refuses what is unsafe, and compiled programs do what RFC 9669 says, as interpreted ones do. */
import { verdicts } from '../../abi/index.ts';
import { assemble } from '../../ebpf/index.ts';
import { RefusedError } from '../../link/index.ts';
import { CauseError } from '../cause.ts';
import { right, wrong } from './conformance-cases.ts';
import { ipv4Filter } from './programs.ts';
import { type Bench, suite } from './suite.ts';

const hex = (value: bigint) => `0x${BigInt.asUintN(64, value).toString(16)}`;

const runBoth = async ({ link }: Bench, name: string, text: string, mem: Uint8Array, want: bigint) => {
  for (const jit of [true, false]) {
    const { r0 } = await link.runProgram({ jit, code: assemble(text), mem });
    if (r0 === BigInt.asUintN(64, want)) continue;
    throw new CauseError(
      'wrong_answer',
      `${jit ? 'compiled' : 'interpreted'} program "${name}" returned ${hex(r0)}, RFC 9669 says ${hex(want)}:\n${text}`,
    );
  }
};

const refusal = async ({ link }: Bench, text: string): Promise<string> => {
  try {
    await link.runProgram({ jit: true, code: assemble(text), mem: new Uint8Array(64) });
    return 'accepted';
  } catch (error) {
    if (error instanceof RefusedError) return error.status;
    throw error;
  }
};

export const conformanceSuite = suite('conformance', [
  {
    name: 'compiled_and_interpreted_programs_compute_what_they_should',
    run: async (t, bench) => {
      for (const [name, text, want, mem = ''] of right)
        await runBoth(bench, name, text, Buffer.from(mem, 'hex'), want);
      bench.log(`${right.length} programs, each compiled and interpreted`);
      t.pass();
    },
  },
  {
    name: 'legacy_packet_loads_read_the_frame_or_end_the_program',
    run: async (t, bench) => {
      const frame = Buffer.alloc(60);
      frame.set([0x08, 0x00, 0x45], 12);
      await bench.install(ipv4Filter('rig_ipv4'));
      t.is((await bench.link.inject(frame)).verdict, verdicts.pass);
      t.is((await bench.link.inject(Buffer.alloc(60))).verdict, verdicts.drop);
      t.is((await bench.link.inject(frame.subarray(0, 15))).verdict, verdicts.pass);
      t.is((await bench.link.inject(frame.subarray(0, 14))).verdict, verdicts.aborted);
      await bench.remove('rig_ipv4');
    },
  },
  {
    name: 'unsafe_programs_are_refused_by_name',
    run: async (t, bench) => {
      for (const [status, text] of wrong) {
        const seen = await refusal(bench, text);
        if (seen === status) continue;
        const code = seen === 'accepted' ? 'accepted' : 'wrong_answer';
        throw new CauseError(
          code,
          `a program that is unsafe (${status}) was ${seen === 'accepted' ? 'accepted' : `refused as ${seen}`}:\n${text}`,
        );
      }
      bench.log(`${wrong.length} programs`);
      t.pass();
    },
  },
  {
    name: 'refused_programs_change_nothing',
    run: async (t, bench) => {
      const before = await bench.link.modules();
      await refusal(bench, wrong[0]![1]);
      t.deepEqual(await bench.link.modules(), before);
      t.is(await bench.link.echo('fine'), 'fine');
    },
  },
]);
