import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { rulesIn } from './optimising.ts';
import { temporaryFolder } from './test/command-line.ts';

test('what_was_proven_is_proven_again_where_anything_changed_that_decides_it', (t) => {
  const clone = temporaryFolder();
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(clone, name)), { recursive: true });
    writeFileSync(join(clone, name), text);
  };
  const deciding = ['abi/bpf.ts', 'ebpf/decode.ts', 'ebpf/prover/step.ts', 'evolve/loop.ts'];
  for (const name of [...deciding, 'ebpf/prover/step.test.ts']) write(name, 'before');
  const seen = new Set([rulesIn(clone)]);
  for (const name of deciding) {
    write(name, 'after');
    seen.add(rulesIn(clone));
  }
  t.is(seen.size, 1 + deciding.length);
  write('ebpf/prover/step.test.ts', 'after');
  t.true(seen.has(rulesIn(clone)));
});
