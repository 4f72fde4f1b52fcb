/** The npm package as people get it: packed, installed into an empty folder, and used where there is no compiler. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { findTool, root } from '../../firmware/index.ts';

/** What the package may weigh, without what it depends on; docs/how-to.md says so too. */
const PACKED_BYTES = 2_000_000;
const UNPACKED_BYTES = 4_000_000;
/** With everything it depends on. */
const INSTALLED_BYTES = 105_000_000;

const run = promisify(execFile);
const options = { maxBuffer: 64 * 1024 * 1024 };

type Packed = {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
};

const folder = temporaryFolder();
const project = join(folder, 'empty');
const tools = join(folder, 'bin');

const pack = async (): Promise<Packed> => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    ...options,
    cwd: root,
  });
  return (JSON.parse(stdout.slice(stdout.indexOf('['))) as Packed[])[0]!;
};

/** A PATH with Node.js and the emulator, and no compiler, linker or device-tree compiler. */
const makePath = () => {
  mkdirSync(tools);
  const wanted = ['env', 'sh', 'cat', 'npm', 'npx', 'qemu-system-aarch64'];
  for (const tool of wanted) {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' });
    if (stdout.trim()) symlinkSync(stdout.trim(), join(tools, tool));
  }
  symlinkSync(process.execPath, join(tools, 'node'));
};

/** Runs a command of the package as a person without a compiler would. */
const use = (command: string, ...args: string[]) => {
  const env = {
    PATH: tools,
    HOME: folder,
    XDG_STATE_HOME: join(folder, 'state'),
    VELOCITY_RIG_LOCKS: join(folder, 'locks'),
  };
  return spawnSync(join(project, 'node_modules/.bin', command), args, {
    cwd: project,
    env,
    encoding: 'utf8',
    timeout: 300_000,
  });
};

let packed: Packed;
let notInstalled: string | undefined;

test.before(async (t) => {
  t.timeout(600_000);
  packed = await pack();
  makePath();
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{"private": true}');
  const args = [
    'install',
    '--ignore-scripts',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    join(folder, packed.filename),
  ];
  await run('npm', args, { ...options, cwd: project }).catch((error: { stderr?: string }) => {
    const said = error.stderr ?? '';
    if (!/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ENETUNREACH|ETIMEDOUT|ENOTCACHED/.test(said)) throw error;
    notInstalled = 'the npm registry is out of reach and the cache lacks what the package depends on';
  });
});

test('it_holds_what_it_needs_and_nothing_else', (t) => {
  const paths = packed.files.map(({ path }) => path);
  const allowed =
    /^(package\.json|README\.md|LICENSE|dist\/package\.json|dist\/(abi|boards|cli|ebpf|evolve|firmware|flasher|link|models|monitor|rig)\/.*\.(js|mjs|css|html)|dist\/modules\/.*\.[cho]|dist\/models\/velocity-(window|loop)\.gguf|dist\/prebuilt\/(kernel\.elf|velocity\.wasm|[a-z0-9]+\.dtb))$/;
  t.deepEqual(
    paths.filter((path) => !allowed.test(path)),
    [],
  );
  for (const path of [
    'prebuilt/kernel.elf',
    'prebuilt/velocity.wasm',
    'prebuilt/rpi3b.dtb',
    'prebuilt/rpi4b.dtb',
    'modules/fir/fir.o',
  ]) {
    t.true(paths.includes(`dist/${path}`), path);
  }
  t.deepEqual(
    paths.filter((path) => /\.test\.|\/testdata\/|\.pem$/.test(path)),
    [],
  );
});

test('it_stays_within_its_size', (t) => {
  t.log(`${packed.size} bytes packed, ${packed.unpackedSize} unpacked`);
  t.true(packed.size <= PACKED_BYTES && packed.unpackedSize <= UNPACKED_BYTES);
});

const installed = (title: string, body: (t: import('ava').ExecutionContext) => void) =>
  test.serial(title, (t) => {
    t.timeout(600_000);
    if (notInstalled) {
      t.log(`skipped: ${notInstalled}`);
      return t.pass();
    }
    return body(t);
  });

const onEmulator = findTool('qemu')
  ? installed
  : (title: string) => test.skip(`${title} needs QEMU`, () => {});

installed('it_takes_no_compiler_along_and_no_parts_for_graphics_cards', (t) => {
  for (const name of ['tsx', 'esbuild', 'typescript', 'node-llama-cpp']) {
    t.false(existsSync(join(project, 'node_modules', name)), name);
  }
  const kilobytes = Number(
    spawnSync('du', ['-sk', join(project, 'node_modules')], { encoding: 'utf8' }).stdout.split('\t')[0],
  );
  t.log(`${kilobytes} KiB installed`);
  t.true(kilobytes > 0 && kilobytes * 1024 <= INSTALLED_BYTES);
});

installed('its_commands_say_what_they_are', (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  t.is(use('velocity', '--version').stdout.trim(), version);
  for (const name of ['flash', 'monitor', 'rig'])
    t.regex(use(`velocity-${name}`, '--help').stdout, new RegExp(`velocity ${name}`));
});

onEmulator('an_emulated_board_is_flashed_without_a_compiler', (t) => {
  const { status, stdout, stderr } = use('velocity-flash', '--board', 'qemu-virt', '--json');
  t.is(status, 0, stderr);
  t.regex(stdout, /"event":"flashed","board":"qemu-virt"/);
});

onEmulator('a_board_with_a_device_tree_of_ours_is_flashed_too', (t) => {
  const { status, stderr } = use('velocity-flash', '--board', 'rpi3b');
  t.is(status, 0, stderr);
});

installed('programs_are_verified_without_a_compiler', (t) => {
  const example = join(project, 'node_modules/velocity/dist/modules/fir/fir.o');
  const { status, stdout, stderr } = use('velocity', 'bpf', 'verify', example, '--json');
  t.is(status, 0, stderr);
  t.regex(stdout, /"verdict":"accepted"/);
});

installed('the_rig_lists_its_boards', (t) => {
  const { status, stdout, stderr } = use('velocity-rig', 'list');
  t.is(status, 0, stderr);
  t.regex(stdout, /qemu-virt {2,}emulated/);
});

onEmulator('the_rig_tests_a_board', (t) => {
  const { status, stdout } = use('velocity-rig', 'run', '--board', 'qemu-virt', '--suite', 'boot');
  t.is(status, 0, stdout);
  t.regex(stdout, /every board is as it should be/);
});

onEmulator('the_monitor_watches_boards_and_serves_what_it_sees', (t) => {
  const boards = ['--board', 'qemu-virt', '--also', 'rpi3b', '--count', '1'];
  const serving = ['--web', '127.0.0.1:0', '--metrics', '127.0.0.1:0', '--store', join(folder, 'history.db')];
  const { status, stdout, stderr } = use('velocity-monitor', ...boards, ...serving);
  t.is(status, 0, stderr);
  t.regex(stdout, /^metrics: http.*\nweb page: http/);
  t.regex(stdout, /^qemu-virt: connected: linux,dummy-virt$/m);
  t.regex(stdout, /^rpi3b: connected: Raspberry Pi 3 Model B$/m);
  const kept = use('velocity', 'history', 'list', '--store', join(folder, 'history.db'));
  t.regex(kept.stdout, /1 readings .* on (qemu-virt|rpi3b)\n.*1 readings/);
});

installed('its_doctor_asks_for_what_its_own_commands_use', (t) => {
  const { stdout } = use('velocity', 'doctor', '--json');
  const rows = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { what: string }).what);
  t.deepEqual(
    rows.filter((what) => !what.startsWith('virtual ')),
    ['node', 'clang-19', 'llvm-mc-19', 'llvm-symbolizer-19', 'qemu-system-aarch64'],
  );
});

installed('what_needs_a_compiler_or_the_sources_says_so', (t) => {
  const source = join(project, 'own.c');
  writeFileSync(source, 'int x;');
  const verify = use('velocity', 'bpf', 'verify', source);
  t.is(verify.status, 3);
  t.regex(verify.stderr, /clang-19 is not installed; run npx velocity doctor --fix/);
  const tests = use('velocity', 'test');
  t.is(tests.status, 2);
  t.regex(tests.stderr, /needs the sources/);
});
