/** What the kernel costs, measured by the board itself in executed instructions (QEMU -icount shift=0). */
import { assemble, certificateOf } from '../../ebpf/index.ts';
import type { VelocityLink } from '../../link/index.ts';
import { injectFaults } from './faults.ts';
import { atMost, type Metric } from './metric.ts';

const TICK_10KHZ_US = 100;
const SWAPS = 10_000;
const CALLS = 1000;
const FAULTS = 1000;

/**
 * 100 instructions of the mix that clang emits for packet and sensor code: loads, stores, shifts and masks,
 * arithmetic at both widths, and a compare with a branch every eighth instruction.
 */
export const hundredInstructions = (): Uint8Array => {
  const lines = ['r0 = 0', 'r3 = 0', 'r4 = 1', 'w5 = 7'];
  for (let block = 0; block < 11; block += 1) {
    lines.push(
      `r3 = *(u32 *)(r1 + ${block * 4})`,
      'r3 &= 65535',
      `if r3 > ${1000 + block} goto +1`,
      'r4 += r3',
      'w5 ^= w3',
      'r4 <<= 1',
      'r0 += r4',
      `*(u8 *)(r1 + ${block * 4}) = r5`,
    );
  }
  lines.push('r0 ^= r5', 'r0 >>= 3', 'w0 += 1', 'w0 *= 3', 'r0 |= 1', 'r0 &= 4095', 'r0 += 5', 'exit');
  return assemble(lines.join('\n'));
};

const load = async (link: VelocityLink): Promise<Metric> => {
  const code = hundredInstructions();
  const certificate = await certificateOf({ code, hook: 'run' }, { memorySize: 64 });
  const { verify_insns, compile_insns } = await link.run({
    jit: true,
    code,
    mem: new Uint8Array(64),
    certificate,
  });
  return atMost('load_100_insns', Number(verify_insns + compile_insns), 'instructions', 62_000);
};

const telemetry = async (link: VelocityLink): Promise<Metric> => {
  const { n, cycles } = await link.bench('telemetry', CALLS);
  return atMost('telemetry_per_call', Number(cycles) / n, 'instructions', 20);
};

/** What a call costs more while single runs are recorded. */
const trace = async (link: VelocityLink, { value }: Metric): Promise<Metric> => {
  await link.trace(true);
  const { n, cycles } = await link.bench('telemetry', CALLS);
  await link.trace(false);
  return atMost('trace_per_call', Number(cycles) / n - value, 'instructions', 100);
};

const swaps = async (link: VelocityLink): Promise<Metric[]> => {
  const { period_us } = await link.timer();
  await link.timer(TICK_10KHZ_US);
  const { missed, longest_gap_ns } = await link.bench('swap', SWAPS);
  await link.timer(period_us);
  return [
    atMost('swap_missed_ticks', Number(missed), 'ticks', 0),
    atMost('swap_longest_gap', Number(longest_gap_ns) / 1000, 'µs', TICK_10KHZ_US),
  ];
};

const faults = async (link: VelocityLink): Promise<Metric> => {
  const { correct } = await injectFaults(link, FAULTS);
  return atMost('faults_not_reported', FAULTS - correct, 'of 1000 faults', 0);
};

/** Boot, size, loading, accounting and swapping of a freshly booted board. */
export const kernelMetrics = async (link: VelocityLink): Promise<Metric[]> => {
  const { boot_insns, image_bytes } = await link.info();
  const accounting = await telemetry(link);
  return [
    atMost('boot', Number(boot_insns), 'instructions', 1_100_000),
    atMost('image', image_bytes, 'bytes', 256 * 1024),
    await load(link),
    accounting,
    await trace(link, accounting),
    ...(await swaps(link)),
    await faults(link),
  ];
};
