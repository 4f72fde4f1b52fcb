import { verdicts } from '../../abi/index.ts';
import { assemble } from '../../ebpf/index.ts';
import { onEveryBoard } from './bench.ts';
import { exampleModule, install, timerProgram } from './programs.ts';

const DESTINATION_PORT_AT = 36;

/** Lasts for some periods of the shortest timer, then logs. */
const LATE_WORD = `
  r6 = 200000
again:
  r6 += -1
  if r6 != 0 goto again
  *(u32 *)(r10 - 8) = 0x6574616c
  *(u32 *)(r10 - 4) = 0
  r1 = r10
  r1 += -8
  r2 = 5
  r3 = 0
  r4 = 0
  r5 = 0
  call trace_printk
  r0 = 0
  exit`;

/** An Ethernet frame with IPv4 and UDP and 18 bytes of data (RFC 768, RFC 791). */
const udpFrame = (destinationPort: number): Buffer => {
  const frame = Buffer.alloc(60);
  frame.writeUInt16BE(0x0800, 12);
  frame[14] = 0x45;
  frame[23] = 17;
  frame.set([10, 0, 0, 1, 10, 0, 0, 2], 26);
  frame.writeUInt16BE(4000, 34);
  frame.writeUInt16BE(destinationPort, DESTINATION_PORT_AT);
  return frame;
};

onEveryBoard((it) => {
  it('filters_packets_and_counts_their_flows', async (t, { link }) => {
    await install(link, await exampleModule('udp-filter'));
    await link.mapWrite('blocked_ports', Uint8Array.of(9, 0), Uint8Array.of(1));
    t.is((await link.inject(udpFrame(53))).verdict, verdicts.pass);
    t.is((await link.inject(udpFrame(53))).verdict, verdicts.pass);
    t.is((await link.inject(udpFrame(9))).verdict, verdicts.drop);
    t.is((await link.inject(Buffer.alloc(20))).verdict, verdicts.pass);
    const flows = (await link.maps()).find(({ name }) => name === 'flows')!;
    const packets: bigint[] = [];
    for await (const { value } of link.mapEntries(flows)) packets.push(Buffer.from(value).readBigUInt64LE());
    packets.sort();
    t.deepEqual(packets, [1n, 2n]);
    await link.remove('udp-filter');
  });

  it('answers_lines_that_are_typed', async (t, { link, console }) => {
    const typed = async (line: string) => {
      const before = console.length;
      await link.type(line);
      await link.echo('answered');
      return console.slice(before);
    };
    t.deepEqual(await typed('on 1'), ['unknown command "on 1"; type help for a list']);
    await install(link, await exampleModule('panel'));
    await link.mapWrite('gpio_out', new Uint8Array(4), new Uint8Array(8)); // a Pi 4's LED is lit from the start
    t.regex((await typed('on 1')).join('\n'), /^in [\da-f]{8} out 00000002$/);
    t.regex((await typed('  on 0')).join('\n'), /^in [\da-f]{8} out 00000003$/);
    t.regex((await typed('off 1')).join('\n'), /^in [\da-f]{8} out 00000001$/);
    t.regex((await typed('io')).join('\n'), /^in [\da-f]{8} out 00000001$/);
    t.deepEqual(await typed('on x'), ['unknown command "on x"; type help for a list']);
    t.regex((await typed('modules')).join('\n'), /^panel on uart_line, version 1, live/);
    await typed('off 0');
    await link.remove('panel');
    t.deepEqual(await typed('io'), ['unknown command "io"; type help for a list']);
  });

  it('a_run_that_a_module_interrupts_logs_under_its_own_name', async (t, { link }) => {
    await install(link, timerProgram('ticker', 'r0 = 1\nexit'), { period_us: 50 });
    const calls = async () => (await link.telemetryAll())[0]!.calls;
    const before = await calls();
    let since = 0n;
    for await (const { seq } of link.events()) since = seq;
    await link.runProgram({ jit: true, code: assemble(LATE_WORD), mem: new Uint8Array(8) });
    t.true((await calls()) > before);
    const { name, text } = await link.event(since);
    t.deepEqual({ name, text }, { name: 'run', text: 'late' });
    await link.remove('ticker');
  });

  for (const name of ['fir', 'gemv', 'histogram', 'fibonacci', 'dense', 'low-pass']) {
    it(`runs_${name}_on_the_timer`, async (t, { link }) => {
      const program = await exampleModule(name);
      const done = await install(link, program);
      t.true(done.bound > 0n);
      t.true(done.jit_bytes > 0);
      let [telemetry] = await link.telemetryAll();
      while (telemetry!.calls < 8n) [telemetry] = await link.telemetryAll();
      t.true(telemetry!.min > 0n && telemetry!.min <= telemetry!.max);
      t.is(telemetry!.histogram.reduce((a, b) => a + b, 0) > 0, true);
      await link.remove(program.name);
    });
  }
});
