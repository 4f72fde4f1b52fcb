import { verdicts } from '../../abi/index.ts';
import { onEveryBoard } from './bench.ts';
import { exampleModule, install } from './programs.ts';

const DESTINATION_PORT_AT = 36;

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
