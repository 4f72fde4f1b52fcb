/** Stacks as a profile of pprof (github.com/google/pprof, proto/profile.proto), compressed as its tools expect. */
import { gzipSync } from 'node:zlib';
import { type Field, message } from '../perfetto/protobuf.ts';
import type { Stack } from './stacks.ts';

/** Numbers of texts; 0 is the empty one. */
class Texts {
  readonly #numbers = new Map<string, number>([['', 0]]);
  of(text: string): number {
    const known = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, known);
    return known;
  }
  fields = (): Field[] => [...this.#numbers.keys()].map((text) => [6, text]);
}

export const pprof = (stacks: readonly Stack[], time_ms: number, elapsed_ns: number): Buffer => {
  const texts = new Texts();
  const type: Field[] = [
    [1, texts.of('time')],
    [2, texts.of('nanoseconds')],
  ];
  const places = new Map<string, number>();
  const placeOf = (name: string) => {
    const known = places.get(name) ?? places.size + 1;
    places.set(name, known);
    return known;
  };
  const samples = stacks.map(({ frames, ns }): Field => {
    const leafFirst = [...frames].reverse().map((name): Field => [1, placeOf(name)]);
    return [2, [...leafFirst, [2, Math.round(ns)]]];
  });
  const locations = [...places.values()].map(
    (id): Field => [
      4,
      [
        [1, id],
        [4, [[1, id]]],
      ],
    ],
  );
  const functions = [...places].map(
    ([name, id]): Field => [
      5,
      [
        [1, id],
        [2, texts.of(name)],
      ],
    ],
  );
  return gzipSync(
    message([
      [1, type],
      ...samples,
      ...locations,
      ...functions,
      ...texts.fields(),
      [9, BigInt(Math.round(time_ms)) * 1_000_000n],
      [10, Math.round(elapsed_ns)],
    ]),
  );
};
