import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { CompileError, compileModule, loadHost, loadObject } from './index.ts';

const withSource = async (text: string, use: (path: string) => Promise<void>) => {
  const folder = mkdtempSync('/tmp/velocity-compile-');
  try {
    const path = join(folder, 'a.c');
    writeFileSync(path, text);
    await use(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const returning = (value: string) =>
  `#include "velocity.h"\nSEC("timer") uint64_t f(struct timer_context *ctx) { return ${value}; }`;

test('a module finds velocity.h and passes arguments on', (t) =>
  withSource(returning('N'), async (path) => {
    const small = loadObject(await compileModule(path, { arguments: ['-DN=5'] })).programs[0]!;
    t.is(Buffer.from(small.code).toString('hex'), 'b7000000050000009500000000000000');
  }));

test('a mistake in C shows clang’s words', (t) =>
  withSource(returning('nothing'), async (path) => {
    const error = await t.throwsAsync(compileModule(path), { instanceOf: CompileError });
    t.regex(error.diagnostics, /undeclared identifier 'nothing'/);
    t.regex(error.message, /a\.c: clang.* refused it/);
  }));

const logging = (values: string) => returning(`bpf_printk("x"${values}), 0`);

for (const values of ['', ', N', ', N, N', ', ctx->core, N, N'])
  test(`a line with the values "${values}" is logged by a program that the verifier accepts`, (t) =>
    withSource(logging(values), async (path) => {
      const program = loadObject(await compileModule(path, { arguments: ['-DN=5'] })).programs[0]!;
      t.like((await loadHost()).verify(program), { ok: true });
    }));

test('a fourth value of a logged line is refused with the reason', (t) =>
  withSource(logging(', 1, 2, 3, 4'), async (path) => {
    const error = await t.throwsAsync(compileModule(path), { instanceOf: CompileError });
    t.regex(error.diagnostics, /at most three values/);
  }));

const misleading: readonly (readonly [what: string, source: string, hint: RegExp])[] = [
  ['a header of Linux', '#include <linux/bpf.h>', /include "velocity.h" only/],
  ['a header of libbpf', '#include <bpf/bpf_helpers.h>', /include "velocity.h" only/],
  ['no header', 'struct { __uint(type, 2); } m SEC(".maps");', /include "velocity.h" first/],
  ['a helper that a board has not', returning('(long)bpf_ringbuf_reserve(0, 8, 0)'), /no such helper/],
  ['a function of the C library', returning('printf("x")'), /no C library/],
  ['a copy of any size', returning('(__builtin_memset(ctx, 0, ctx->tick), 0)'), /vl_mem_copy/],
  ['floating point', returning('ctx->tick * 0.5'), /no floating point/],
  ['128 bits', returning('(unsigned __int128)ctx->tick * ctx->time_ns / 3'), /128 bits/],
  ['a large array', returning('({ volatile char b[600]; b[ctx->core]; })'), /512 bytes/],
];

for (const [what, source, hint] of misleading)
  test(`where clang's words lead elsewhere there is a hint: ${what}`, (t) =>
    withSource(source, async (path) => {
      const error = await t.throwsAsync<CompileError>(compileModule(path));
      t.regex(error!.hint ?? error!.diagnostics, hint);
    }));

test('what clang warns of in a source that it takes is handed on', (t) =>
  withSource(returning('1 << 40'), async (path) => {
    const warnings: string[] = [];
    await compileModule(path, { onWarnings: (text) => warnings.push(text) });
    t.regex(warnings.join(), /shift count/);
    await t.notThrowsAsync(compileModule(path));
  }));

test('a missing file and a missing compiler are named', async (t) => {
  await t.throwsAsync(compileModule('/nonexistent/a.c'), {
    instanceOf: CompileError,
    message: /nonexistent/,
  });
  const error = await t.throwsAsync(compileModule('/nonexistent/a.c', { clang: 'no-such-clang' }), {
    instanceOf: CompileError,
  });
  t.regex(error.message, /no-such-clang not found; install clang 19/);
});

test('a full disk is no mistake of the source, and no crash of the compiler', (t) =>
  withSource(returning('0'), async (path) => {
    const clang = `${path}.clang`;
    const said = 'fatal error: error in backend: IO failure on output stream: No space left on device';
    writeFileSync(clang, `#!/bin/sh\necho '${said}' >&2\necho 'PLEASE submit a bug report' >&2\nexit 70\n`, {
      mode: 0o755,
    });
    const error = await t.throwsAsync<NodeJS.ErrnoException>(compileModule(path, { clang }));
    t.is(error!.code, 'ENOSPC');
    t.regex(error!.message, /a\.c: .* finds no room for \/.*\.o$/);
  }));
