/** The files of a medium, as a list of paths and as the tree that the paths make. */
import { MediaError } from './error.ts';

/** `path` is relative, with `/` between its parts. */
export type MediaFile = { readonly path: string; readonly bytes: Uint8Array };

type Leaf = { readonly name: string; readonly bytes: Uint8Array };
export type Folder = { readonly name: string; readonly entries: (Folder | Leaf)[] };

const same = (a: string, b: string) => a.toUpperCase() === b.toUpperCase();

const clash = (path: string, found: Folder | Leaf) =>
  new MediaError(
    'entries' in found
      ? `${path} is a file and a folder at once`
      : `${path} is there twice (FAT ignores case)`,
  );

const below = (folder: Folder, name: string, path: string): Folder => {
  const found = folder.entries.find((entry) => same(entry.name, name));
  if (found && 'entries' in found) return found;
  if (found) throw new MediaError(`${path}: ${name} is a file and a folder at once`);
  const made: Folder = { name, entries: [] };
  folder.entries.push(made);
  return made;
};

/** @throws MediaError when two paths are the same to a file system that ignores case. */
export const folderOf = (files: readonly MediaFile[]): Folder => {
  const root: Folder = { name: '', entries: [] };
  for (const { path, bytes } of files) {
    const parts = path.split('/');
    const name = parts.pop()!;
    if ([...parts, name].some((part) => part === '' || part === '.' || part === '..')) {
      throw new MediaError(`${JSON.stringify(path)} is not a path inside a medium`);
    }
    const folder = parts.reduce((at, part) => below(at, part, path), root);
    const found = folder.entries.find((entry) => same(entry.name, name));
    if (found) throw clash(path, found);
    folder.entries.push({ name, bytes });
  }
  return root;
};
