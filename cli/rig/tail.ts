/** Follows a file of JSON lines that another process writes. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const PIECE_BYTES = 64 * 1024;

/** Returns a function that hands over the lines that were added since its last call; a line that is not whole yet waits. */
export const tail = <T>(path: string, take: (line: T) => void): (() => void) => {
  const decoder = new StringDecoder('utf8');
  const piece = Buffer.alloc(PIECE_BYTES);
  let at = 0;
  let rest = '';
  return () => {
    if (!existsSync(path)) return;
    const file = openSync(path, 'r');
    try {
      for (
        let size = readSync(file, piece, 0, PIECE_BYTES, at);
        size > 0;
        size = readSync(file, piece, 0, PIECE_BYTES, at)
      ) {
        at += size;
        rest += decoder.write(piece.subarray(0, size));
      }
    } finally {
      closeSync(file);
    }
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(JSON.parse(line) as T);
  };
};
