import test from 'ava';
import { firstAccepted, type Tried } from './ask.ts';
import type { Proposal } from './proposer.ts';

const asked = async (outcomes: readonly Tried[], attempts = 12, isOver = () => false) => {
  let tried = 0;
  async function* proposals(): AsyncGenerator<Proposal> {
    for (const i of outcomes.keys()) yield { code: Uint8Array.of(i), proposer: 'x', note: '' };
  }
  const accepted = await firstAccepted(
    proposals(),
    async ({ code }) => {
      tried += 1;
      return outcomes[code[0]!]!;
    },
    {
      attempts,
      isOver,
    },
  );
  return { tried, accepted: accepted?.code[0] };
};

test('the_first_accepted_one_ends_it', async (t) => {
  t.deepEqual(await asked(['refused', 'unproven', 'accepted', 'accepted']), { tried: 3, accepted: 2 });
});

test('after_two_failed_proofs_nobody_is_asked_for_a_third', async (t) => {
  t.deepEqual(await asked(['unproven', 'refused', 'unproven', 'accepted']), {
    tried: 3,
    accepted: undefined,
  });
});

test('what_was_not_judged_is_no_attempt', async (t) => {
  t.deepEqual(await asked(['skipped', 'refused', 'skipped', 'refused', 'accepted'], 2), {
    tried: 4,
    accepted: undefined,
  });
});

test('nothing_is_tried_without_attempts_or_time', async (t) => {
  t.deepEqual(await asked(['accepted'], 0), { tried: 0, accepted: undefined });
  t.deepEqual(await asked(['accepted'], 1, () => true), { tried: 0, accepted: undefined });
});
