/** The device tree that QEMU gives the machine of qemu-virt, as source without its first line: tests change it and compile it anew. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { boardNamed } from '../../boards/index.ts';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { requireTool } from '../../firmware/index.ts';

export const virtSource = (): string => {
  const { machine, cores, memory } = boardNamed('qemu-virt').qemu!;
  const dtb = join(temporaryFolder(), 'virt.dtb');
  const arguments_ = ['-M', `${machine},dumpdtb=${dtb}`, '-smp', String(cores), '-m', memory];
  execFileSync(requireTool('qemu'), arguments_, { stdio: 'ignore' });
  const source = execFileSync(requireTool('dtc'), ['-q', '-I', 'dtb', '-O', 'dts', dtb], {
    encoding: 'utf8',
  });
  return source.replace('/dts-v1/;', '');
};
