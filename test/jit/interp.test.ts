/** The interpreter, as WebAssembly, against the conformance cases. */
import test from 'ava';
import { loadHost } from '../../ebpf/index.ts';
import { type Case, caseGroups, packetCases } from './cases/index.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

for (const [group, cases] of Object.entries(caseGroups())) {
  test(`${group}: r0 and memory of ${cases.length} programs`, async (t) => {
    const host = await loadHost();
    const run = (c: Case) => host.run({ code: bytes(c.code), hook: 'run' }, { memory: bytes(c.mem) });
    const wrong = cases.flatMap((c) => {
      const result = run(c);
      if (!result.ok) return [`${c.name}: ${result.error.message}`];
      const memory = Buffer.from(result.memory).toString('hex');
      const right = result.r0 === c.r0 && memory === (c.memAfter ?? c.mem);
      return right ? [] : [`${c.name}: r0 0x${result.r0.toString(16)}, want 0x${c.r0.toString(16)}`];
    });
    t.deepEqual(wrong.slice(0, 10), []);
  });
}

test('legacy packet loads', async (t) => {
  const host = await loadHost();
  for (const { name, code, frame, verdict } of packetCases()) {
    const result = host.run({ code, hook: 'packet' }, { memory: frame });
    t.like(result, { ok: true, r0: BigInt(verdict) }, name);
  }
});

test('loads that RFC 9669 does not know are refused, also where there is a packet', async (t) => {
  const host = await loadHost();
  for (const opcode of ['38', '58', '60', 'c0']) {
    const code = bytes(`${opcode}000000000000009500000000000000`);
    const result = host.run({ code, hook: 'packet' }, { memory: new Uint8Array(64) });
    t.like(result, { ok: false, error: { code: 'bad_opcode' } }, opcode);
  }
});
