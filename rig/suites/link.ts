/** The serial line carries what it is given, both ways. */
import { encode } from 'cborg';
import { encodeFrame, type VelocityLink } from '../../link/index.ts';
import { encodeMessage, smpGroups, smpOps } from '../../link/smp.ts';
import { CauseError } from '../cause.ts';
import { compareBytes, type Difference, noDifference, sumOf } from './compare-bytes.ts';
import { exchange } from './exchange.ts';
import { type Bench, suite } from './suite.ts';

const ECHO_COMMAND = 0;
const MESSAGES = 160;
const TEXT_BYTES = 240;

/** Answers that came short: a line that does this to so many is known well enough. */
const ENOUGH_SHORT = 20;

/** The answer's bytes are known before it is sent: what arrives is compared with them. */
const echoOf = (seq: number) => {
  const text = Buffer.from(
    Array.from({ length: TEXT_BYTES }, (_, i) => 33 + ((i * 7 + seq * 13) % 90)),
  ).toString('latin1');
  const message = { group: smpGroups.os, seq, id: ECHO_COMMAND };
  return {
    request: encodeFrame(encodeMessage({ ...message, op: smpOps.write, payload: encode({ d: text }) })),
    answer: Buffer.from(
      encodeFrame(encodeMessage({ ...message, op: smpOps.write + 1, payload: encode({ r: text }) })),
    ),
  };
};

type LineReport = {
  readonly sent: number;
  readonly bytes: number;
  readonly unanswered: number;
  readonly there: number;
  readonly here: Difference;
};

const damagedThere = async (link: VelocityLink): Promise<number> => {
  const counters = await link.stats('link');
  return ['lines_bad', 'lines_lost', 'cut', 'crc_bad', 'oversize', 'noise'].reduce(
    (sum, key) => sum + Number(counters[key] ?? 0),
    0,
  );
};

const measureLine = async ({ device }: Bench): Promise<LineReport> => {
  const before = await damagedThere(device.link);
  let unanswered = 0;
  let bytes = 0;
  let here = noDifference;
  let short = 0;
  let sent = 0;
  for (; sent < MESSAGES && short < ENOUGH_SHORT; sent++) {
    const { request, answer } = echoOf(sent);
    const came = await exchange(device.line, request, answer);
    if (came.length < answer.length) short += 1;
    if (came.length === 0) unanswered += 1;
    else {
      bytes += answer.length;
      here = sumOf(here, compareBytes(answer, came));
    }
  }
  return { sent, bytes, unanswered, there: (await damagedThere(device.link)) - before, here };
};

const oneIn = (bytes: number, count: number) =>
  `about one in ${Math.round(bytes / count).toLocaleString('en')}`;

/** Says what the line does to bytes, or nothing. */
export const lineCause = ({ sent, bytes, unanswered, there, here }: LineReport): CauseError | undefined => {
  if (here.lost + here.changed + here.added === 0 && unanswered === 0 && there === 0) return undefined;
  const parts = [
    here.lost > 0
      ? `${here.lost} of ${bytes} bytes from the board were lost (${oneIn(bytes, here.lost)})`
      : '',
    here.changed > 0
      ? `${here.changed} of ${bytes} bytes from the board were changed (${oneIn(bytes, here.changed)})`
      : '',
    here.added > 0 ? `${here.added} bytes came that nobody sent` : '',
    unanswered > 0 ? `${unanswered} of ${sent} messages were not answered` : '',
    there > 0 ? `the board counted ${there} damaged frames` : '',
  ].filter((part) => part !== '');
  const loses = here.lost >= here.changed && here.lost >= here.added;
  return new CauseError(
    loses ? 'line_loses_bytes' : 'line_garbles',
    `the serial line ${loses ? 'loses' : 'garbles'} bytes: ${parts.join('; ')}`,
    'lower the baud rate, shorten the cable, connect the grounds, or give the adapter a port of its own',
  );
};

export const linkSuite = suite('link', [
  {
    name: 'carries_every_byte_both_ways',
    timeoutSeconds: 240,
    run: async (t, bench) => {
      const report = await measureLine(bench);
      bench.log(`${report.sent} messages, ${report.bytes} bytes from the board compared`);
      const found = lineCause(report);
      if (found) throw found;
      t.is(report.unanswered, 0);
    },
  },
  {
    name: 'answers_the_standard_groups',
    run: async (t, { link }) => {
      t.is(await link.echo('hello'), 'hello');
      t.true((await link.params()).bufSize >= 4096);
      t.deepEqual(await link.statGroups(), ['velocity', 'link']);
      t.true(Object.keys(await link.taskstat()).length > 0);
    },
  },
  {
    name: 'carries_messages_of_every_length',
    retry: { times: 1, because: 'a single disturbance on a real line is not a defect of the board' },
    run: async (t, { link }) => {
      for (const length of [0, 1, 85, 86, 87, 500, 3000]) {
        const text = 'x'.repeat(length);
        t.is(await link.echo(text), text);
      }
    },
  },
  {
    name: 'goes_on_when_the_host_went_away_in_the_middle_of_a_message',
    run: async (t, { device }) => {
      const { request } = echoOf(1);
      await device.line.write(request.subarray(0, request.length >> 1));
      await device.reconnect(0);
      t.is(await device.link.echo('back'), 'back');
    },
  },
]);
