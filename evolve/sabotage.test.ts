import { readdirSync } from 'node:fs';
import test from 'ava';
import { compileModule, loadObject, verify } from '../ebpf/index.ts';
import { proveEquivalent, stopSolver } from '../ebpf/prover/index.ts';
import { makeSlower, makeUnsafe } from './index.ts';

test.after.always(() => stopSolver());

const folder = new URL('../modules/', import.meta.url).pathname;
const modules = readdirSync(folder).filter((m) => m !== 'include');

for (const name of modules)
  test.serial(`${name}: unsafe proposals are refused, slower ones are equivalent`, async (t) => {
    const file = await compileModule(`${folder}${name}/${name}.c`);
    const [program] = loadObject(file, { name }).programs;
    const { code, hook, maps } = program!;
    const old = await verify(program!);
    t.true(old.ok);
    const unsafe = await makeUnsafe(program!);
    const refused = await verify({ ...program!, code: unsafe.code });
    t.false(refused.ok);
    t.log(unsafe.note, refused.ok ? '' : refused.error.code);
    const slower = makeSlower(code, 100);
    const verdict = await verify({ ...program!, code: slower.code });
    t.true(verdict.ok && old.ok && verdict.bound >= old.bound + 200);
    const proof = await proveEquivalent(code, slower.code, { hook, maps });
    t.is(proof.verdict, 'proven', proof.reason);
  });
