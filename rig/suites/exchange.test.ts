import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { exchange } from './exchange.ts';

const wanted = Buffer.from('an answer of some length, and its end\n');

/** A line whose other side does `answer` when it is written to. */
const lineThat = (answer: (say: (text: string) => void) => void) => {
  const listeners = new Set<(data: Uint8Array) => void>();
  const say = (text: string) => {
    for (const each of listeners) each(Buffer.from(text));
  };
  return {
    listeners,
    onRaw: (listener: (data: Uint8Array) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    write: async () => answer(say),
  };
};

const over = (line: ReturnType<typeof lineThat>, silentMs = 60) =>
  exchange(line, Buffer.from('?'), wanted, silentMs).then(String);

test('an_answer_that_comes_in_pieces_is_waited_for_while_pieces_come', async (t) => {
  const line = lineThat(async (say) => {
    for (const letter of wanted.toString()) {
      say(letter);
      await sleep(5);
    }
  });
  t.is(await over(line, 40), wanted.toString());
  t.is(line.listeners.size, 0);
});

test('a_process_that_was_held_up_reads_what_waits_for_it', async (t) => {
  const line = lineThat((say) => {
    setTimeout(() => {
      const until = Date.now() + 80;
      while (Date.now() < until);
      // Arrived in the meantime, read after the timers.
      setImmediate(() => say(wanted.toString()));
    }, 1);
  });
  t.is(await over(line), wanted.toString());
});

test('an_answer_that_lacks_bytes_ends_with_its_end_or_with_silence', async (t) => {
  const without = (from: number, to: number) =>
    wanted.toString().slice(0, from) + wanted.toString().slice(to);
  for (const short of [without(3, 5), without(3, 20), '']) {
    const line = lineThat((say) => say(short));
    t.is(await over(line), short);
    t.is(line.listeners.size, 0);
  }
});

test('a_line_that_can_not_be_written_to_is_an_error', async (t) => {
  const line = lineThat(() => {
    throw new Error('gone');
  });
  await t.throwsAsync(over(line), { message: 'gone' });
  t.is(line.listeners.size, 0);
});
