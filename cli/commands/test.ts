import type { Command } from 'commander';
import { runEverything, runTests } from '../checks.ts';
import type { Context } from '../context.ts';
import { fetchFlashPeers, installGuestTools } from '../flash-peers.ts';
import { installPrometheus } from '../prometheus.ts';
import { installPythonPeers } from '../python-peers.ts';
import { installTools } from '../system-packages.ts';

const say = (line: string) => process.stderr.write(`${line}\n`);

type Install = (tell: (line: string) => void) => void | Promise<void>;

/** Tests without what others wrote are skipped. */
const orGoOn = async (install: Install): Promise<void> => {
  try {
    await install(say);
  } catch (error) {
    say(`going on without: ${(error as Error).message}`);
  }
};

/** Tools that others wrote: they run our code, check our media and talk to our emulators. */
const peers = ['qemuUser', 'lrzsz', 'fastboot', 'fsckFat', 'sfdisk', 'mtools', 'uefi', 'uBoot'] as const;

/** Some 80 MB; each on its own, and tests without theirs are skipped. */
const installFlashPeers = (tell: (line: string) => void) => {
  installGuestTools(tell);
  fetchFlashPeers(tell);
};

/** Large, or from elsewhere than the system's packages: only for the tests that need them. The others come while pip works. */
const largePeers: readonly (readonly [RegExp, Install])[] = [
  [/smp|live|monitor|report/, installPythonPeers],
  [/live|monitor/, installPrometheus],
  [/guest|loaders/, installFlashPeers],
  [/web|page|docs/, (tell) => installTools(['chromium'], tell)],
];

/** `velocity test`: installs what the tests need, runs them, and closes with one line of counts. */
export const registerTest = (program: Command, { cleanup }: Context): void => {
  program
    .command('test')
    .description('run every check and test; installs what they need')
    .argument('[files...]', 'only these test files (static checks are left out then)')
    .addHelpText('after', '\nExample:\n  velocity test ebpf/assembler.test.ts')
    .action(async (files: string[]) => {
      installTools(['clang', 'lld', 'wasmLd', 'llvmMc', 'sanitizers', 'dtc', 'qemu'], say);
      await orGoOn((tell) => installTools(peers, tell));
      const large = largePeers.filter(([p]) => files.length === 0 || files.some((file) => p.test(file)));
      await Promise.all(large.map(([, install]) => orGoOn(install)));
      const counts = await (files.length === 0 ? runEverything(cleanup) : runTests(cleanup, files));
      cleanup.signal.throwIfAborted();
      const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
      process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
      process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
    });
};
