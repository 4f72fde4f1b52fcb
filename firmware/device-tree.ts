/** Compiles a device-tree source of dts/ with dtc. */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { isPackage, paths } from './paths.ts';
import { BuildError, requireTool, run } from './toolchain.ts';
import { writeChanged } from './write.ts';

/** Returns the path of the compiled tree. `name` is a file of dts/ without its extension. @throws MissingToolError, BuildError */
export const compileDeviceTree = async (name: string): Promise<string> => {
  const output = join(paths.dtb, `${basename(name)}.dtb`);
  if (isPackage) return output;
  const source = join(paths.dts, `${basename(name)}.dts`);
  if (!existsSync(source)) throw new BuildError('compiling the device tree', `${source} does not exist`);
  const fresh = join(tmpdir(), `velocity-${basename(name)}-${randomUUID()}.dtb`);
  try {
    await run(requireTool('dtc'), ['-q', '-I', 'dts', '-O', 'dtb', '-o', fresh, source]);
    writeChanged(output, readFileSync(fresh));
  } finally {
    rmSync(fresh, { force: true });
  }
  return output;
};
