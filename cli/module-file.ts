/** Module files as they are given on the command line: C sources and compiled objects. */
import { createReadStream, existsSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { NAME_BYTES } from '../abi/index.ts';
import { compileModule, ElfError, loadObject, type ModuleProgram } from '../ebpf/index.ts';
import { isPackage, requireTool, root } from '../firmware/index.ts';
import { FileError, UsageError } from './failure.ts';
import { Output } from './output.ts';

/** More than any module, capture or image has; /dev/zero has no end. */
const MOST_BYTES = 2 ** 28;

const problems: Readonly<Record<string, readonly [problem: string, hint: string]>> = {
  ENOENT: ['there is no such file', 'check the path'],
  EISDIR: ['it is a folder', 'name a file in it'],
};

/** Reads a file, or what a pipe gives, whole. @throws FileError */
export const readBytes = async (path: string): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
      pieces.push(piece);
      size += piece.length;
      if (size > MOST_BYTES) break;
    }
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const [problem, hint] = problems[code] ?? [message, 'check that it is a readable file'];
    throw new FileError(path, problem, hint, { cause });
  }
  if (size > MOST_BYTES)
    throw new FileError(path, `it is larger than ${MOST_BYTES / 2 ** 20} MiB`, 'check the path');
  return Buffer.concat(pieces);
};

/** Name of the file without folder and extension. */
export const stemOf = (path: string): string => basename(path, extname(path));

const NAME = new RegExp(`^[A-Za-z0-9_.-]{1,${NAME_BYTES}}$`);

/** What a module is called on the board: as asked, or as its file is. @throws UsageError when a board takes no such name */
export const nameOf = (path: string, asked = stemOf(path)): string => {
  if (NAME.test(asked)) return asked;
  throw new UsageError(
    `${JSON.stringify(asked)} can be no module's name`,
    `give it one of up to ${NAME_BYTES} letters, digits, _, - and . with --name`,
  );
};

/** The package brings its examples compiled, for machines without clang. */
const readyMade = (path: string): string | undefined => {
  const object = resolve(path).replace(/\.c$/, '.o');
  return isPackage && object.startsWith(join(root, 'modules/')) && existsSync(object) ? object : undefined;
};

/** The ELF object: C is compiled, anything else is taken as it is. @throws FileError, CompileError, MissingToolError */
export const readObject = async (path: string): Promise<Uint8Array> => {
  if (extname(path) !== '.c') return readBytes(path);
  const ready = readyMade(path);
  if (ready) return readBytes(ready);
  await readBytes(path); // says more clearly than clang that it is not there
  return compileModule(path, {
    clang: requireTool('clang'),
    onWarnings: (text) => new Output(false).note(text),
  });
};

/** What is wrong with an object says which file it is: there may be several on the line. */
export const ofFile = <T>(path: string, read: () => T): T => {
  try {
    return read();
  } catch (error) {
    if (error instanceof ElfError) error.message = `${path}: ${error.message}`;
    throw error;
  }
};

/** The one program of a file, or the one that is asked for by the name of its C function. */
export const readProgram = async (path: string, wanted?: string): Promise<ModuleProgram> => {
  const object = await readObject(path);
  const { programs } = ofFile(path, () => loadObject(object, { name: stemOf(path) }));
  const names = programs.map((program) => program.name).join(', ');
  const matching = wanted === undefined ? programs : programs.filter((program) => program.name === wanted);
  const [program, another] = matching;
  if (!program) throw new FileError(path, `it has no program ${wanted}`, `it has ${names}`);
  if (another) {
    throw new FileError(path, 'it holds several programs', `choose one with --function: ${names}`);
  }
  return program;
};
