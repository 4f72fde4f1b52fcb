import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { requireTool, run } from '../../../firmware/index.ts';
import { expectedOf } from './expected.ts';

const SOURCE = `
#define MARK(text) __attribute__((btf_decl_tag("comment:" text)))
MARK("test_expect_success") int good(void *ctx) { return 0; }
MARK("test_expect_failure") MARK("test_expect_msg=1=R1 may be null") int bad(void *ctx) { return 0; }
MARK("test_expect_msg=4=mark_precise") int told(void *ctx) { return 0; }
MARK("test_expect_failure_unpriv") int everyday(void *ctx) { return 0; }
MARK("test_auxiliary") int callee(void *ctx) { return 0; }
MARK("test_expect_success") MARK("test_arch=X86_64") int elsewhere(void *ctx) { return 0; }
MARK("test_expect_success") MARK("test_arch=X86_64") MARK("test_arch=ARM64") int here(void *ctx) { return 0; }
int plain(void *ctx) { return 0; }
`;

test('marks at functions say what Linux makes of them', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [source, object] = [join(folder, 'marks.c'), join(folder, 'marks.o')];
  writeFileSync(source, SOURCE);
  await run(requireTool('clang'), ['--target=bpf', '-O2', '-g', '-c', source, '-o', object]);
  t.deepEqual(Object.fromEntries(expectedOf(readFileSync(object))), {
    good: 'accepted',
    bad: 'refused',
    told: 'accepted',
    here: 'accepted',
  });
});
