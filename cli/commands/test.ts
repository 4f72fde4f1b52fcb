import type { Command } from 'commander';
import { runTests, staticChecks, sum } from '../checks.ts';
import { installPythonPeers } from '../python-peers.ts';
import { installTools } from '../system-packages.ts';

const say = (line: string) => process.stderr.write(`${line}\n`);

/** Tools that others wrote: they run our code, check our media and talk to our emulators. Tests without theirs are skipped. */
const installPeers = (tell: (line: string) => void) => {
  try {
    installTools(['qemuUser', 'lrzsz', 'fastboot', 'fsckFat', 'sfdisk', 'mtools', 'uefi', 'uBoot'], tell);
  } catch (error) {
    tell(`going on without: ${(error as Error).message}`);
  }
};

/** Large, so only for tests of web pages; without one they are skipped. */
const installBrowser = (tell: (line: string) => void) => {
  try {
    installTools(['chromium'], tell);
  } catch (error) {
    tell(`going on without: ${(error as Error).message}`);
  }
};

const installClients = (tell: (line: string) => void) => {
  try {
    installPythonPeers(tell);
  } catch (error) {
    tell(`going on without: ${(error as Error).message}`);
  }
};

/** `velocity test`: installs what the tests need, runs them, and closes with one line of counts. */
export const registerTest = (program: Command): void => {
  program
    .command('test')
    .description('run every check and test; installs what they need')
    .argument('[files...]', 'only these test files (static checks are left out then)')
    .addHelpText('after', '\nExample:\n  velocity test ebpf/assembler.test.ts')
    .action(async (files: string[]) => {
      installTools(['clang', 'lld', 'wasmLd', 'llvmMc', 'sanitizers', 'dtc', 'qemu'], say);
      installPeers(say);
      if (files.length === 0 || files.some((file) => file.includes('smp'))) installClients(say);
      if (files.length === 0 || files.some((file) => /web|page/.test(file))) installBrowser(say);
      const counts = sum([...(files.length === 0 ? [await staticChecks()] : []), await runTests(files)]);
      const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
      process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
      process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
    });
};
