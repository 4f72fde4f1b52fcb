/**
 * Conformance to RFC 9669 on a board: what the JIT makes of each case, and what the interpreter does, to the bit. Cases of one
 * function are packed: each is a local function that gets its memory in a part of the program's. A case with functions of its
 * own, and each case of memory accesses, atomics among them, runs alone. One CPU has the atomics of one instruction, one not.
 * Of the thousands of arithmetic and jumps every sixteenth runs, and all with CONFORMANCE=all, which takes minutes.
 */
import type { ExecutionContext } from 'ava';
import type { VelocityLink } from '../../link/index.ts';
import { type Case, EXIT, hexOf, insn, movImm } from '../jit/cases/case.ts';
import { caseGroups, packetCases } from '../jit/cases/index.ts';
import { type Bench, onVirtualBoard } from './bench.ts';
import { install, packetProgram } from './programs.ts';

const MEMORY_BYTES = 2048;
/** The checks of one program take the board's verifier so many instructions at most. */
const PACK_INSNS = 1400;
const SLOT_HEX = 16;
const RESULT_BYTES = 8;
/** The verifier knows 64 functions in a program, the main one among them. */
const PACK_CASES = 63;

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (of: Uint8Array) => Buffer.from(of).toString('hex');
const slotsOf = (code: string) => code.length / SLOT_HEX;
/** Bytes of a case's memory, in whole doublewords. */
const roomOf = ({ mem }: Case) => Math.ceil(mem.length / 2 / 8) * 8;

const MOV = 0xbf;
const ADD = 0x07;
const STORE64 = 0x7b;
const CALL = 0x85;
const CALL_SLOTS = 5;

type Program = {
  readonly name: string;
  readonly code: Uint8Array;
  readonly mem: string;
  readonly want: string;
};

/** All of them in one program that leaves r0 of each behind its memory. */
const packed = (cases: readonly Case[]): Program => {
  let [main, functions, mem, want] = [insn(MOV, 6, 1), '', '', ''];
  const mainSlots = cases.length * CALL_SLOTS + 3;
  for (const c of cases) {
    const at = mem.length / 2;
    main += insn(MOV, 1, 6) + insn(ADD, 1, 0, 0, at) + movImm(2, c.mem.length / 2);
    main += insn(CALL, 0, 1, 0, mainSlots + slotsOf(functions) - slotsOf(main) - 1);
    main += insn(STORE64, 6, 0, at + roomOf(c));
    functions += c.code;
    mem += c.mem.padEnd(2 * roomOf(c), '0') + hexOf(0n);
    want += (c.memAfter ?? c.mem).padEnd(2 * roomOf(c), '0') + hexOf(c.r0);
  }
  const name = `${cases[0]!.name} … ${cases.at(-1)!.name}`;
  return { name, code: bytes(main + movImm(0, 0) + EXIT + functions), mem, want: want + hexOf(0n) };
};

const single = (c: Case): Program => ({
  name: c.name,
  code: bytes(c.code),
  mem: c.mem,
  want: (c.memAfter ?? c.mem) + hexOf(c.r0),
});

/** As many cases in a row to a program as it holds. */
const packs = (cases: readonly Case[]): Program[] => {
  const programs: Program[] = [];
  let [some, room, slots]: [Case[], number, number] = [[], 0, 0];
  for (const c of cases) {
    const [more, length] = [roomOf(c) + RESULT_BYTES, slotsOf(c.code) + CALL_SLOTS];
    if (room + more > MEMORY_BYTES || slots + length > PACK_INSNS || some.length === PACK_CASES) {
      programs.push(packed(some));
      [some, room, slots] = [[], 0, 0];
    }
    some.push(c);
    [room, slots] = [room + more, slots + length];
  }
  return [...programs, packed(some)];
};

/** An addition and a multiplication 2,047 times, as in jit.test.ts: the longest program there may be. */
const longest = (): Program => {
  const insns = Array.from({ length: 4094 }, (_, i) => [i % 2 === 0 ? ADD : 0x27, (i % 7) + 1] as const);
  const body = insns.map(([opcode, imm]) => insn(opcode, 0, 0, 0, imm)).join('');
  const step = (r0: bigint, [opcode, imm]: readonly [number, number]) =>
    BigInt.asUintN(64, opcode === ADD ? r0 + BigInt(imm) : r0 * BigInt(imm));
  const code = bytes(movImm(0, 1) + body + EXIT);
  return {
    name: '4,096 instructions',
    code,
    mem: hexOf(0n),
    want: hexOf(0n) + hexOf(insns.reduce(step, 1n)),
  };
};

/** A jump over 4,000 instructions, and back. */
const far = (): Program => {
  const filler = Array.from({ length: 4000 }, () => insn(ADD, 0, 0, 0, 1)).join('');
  const code = bytes(
    movImm(0, 0) + insn(0x05, 0, 0, 4001) + filler + EXIT + insn(ADD, 0, 0, 0, 5) + insn(0x05, 0, 0, -4003),
  );
  return { name: 'jumps over 4,000 instructions', code, mem: hexOf(0n), want: hexOf(0n) + hexOf(4005n) };
};

const complaint = async (link: VelocityLink, program: Program, jit: boolean): Promise<string[]> => {
  const answer = await link.runProgram({ jit, code: program.code, mem: bytes(program.mem) });
  const got = hex(answer.mem) + hexOf(answer.r0);
  return got === program.want ? [] : [`${program.name} by ${jit ? 'the JIT' : 'the interpreter'}: ${got}`];
};

const runAll = async (t: ExecutionContext, { link }: Bench, programs: readonly Program[]) => {
  const wrong: string[] = [];
  for (const program of programs) {
    wrong.push(...(await complaint(link, program, true)));
    wrong.push(...(await complaint(link, program, false)));
  }
  t.deepEqual(wrong.slice(0, 5), []);
};

/** The interpreter of boards runs no hooks: its answers are those of interp.test.ts. */
const runPackets = async (t: ExecutionContext, { link }: Bench) => {
  for (const { name, code, frame, verdict } of packetCases()) {
    await install(link, packetProgram('loads', code));
    t.is((await link.inject(frame)).verdict, verdict, name);
  }
  await link.remove('loads');
};

const groups = caseGroups();
const STRIDE = process.env.CONFORMANCE === 'all' ? 1 : 16;
const sampled = (cases: readonly Case[]) => cases.filter((_, i) => i % STRIDE === 0);
const alone = [...groups.memory!, ...groups.call!];

onVirtualBoard('qemu-virt', 'without_lse', {}, (it) => {
  for (const group of ['alu', 'jump'])
    it(`${group}_is_conformant: ${sampled(groups[group]!).length} of ${groups[group]!.length} cases`, (t, bench) =>
      runAll(t, bench, packs(sampled(groups[group]!))));
  it('memory_and_calls_are_conformant', (t, bench) => runAll(t, bench, alone.map(single)));
  it('long_programs_and_far_jumps_run', (t, bench) => runAll(t, bench, [longest(), far()]));
  it('legacy_packet_loads_are_conformant', runPackets);
});

onVirtualBoard('qemu-virt', 'with_lse', { extra: ['-cpu', 'max'] }, (it) => {
  it('memory_and_calls_are_conformant', (t, bench) => runAll(t, bench, alone.map(single)));
  it('long_programs_and_far_jumps_run', (t, bench) => runAll(t, bench, [longest(), far()]));
});
