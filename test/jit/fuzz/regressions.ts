/** Programs that once did something else when they were compiled, as the fuzzer made them small. */
export type Regression = {
  readonly name: string;
  /** Instructions, hex. */
  readonly code: string;
  /** Also chooses the facts and features that the JIT gets: see trial.c. */
  readonly seed: number;
};

export const regressions: readonly Regression[] = [
  {
    name: 'a constant hoisted out of a loop that is entered again from behind its end',
    code: 'b700000001000000b7020000000000000500050000000000270000001f0000000702000001000000250204000500000007000000010000000500fbff0000000007000000020000000500fcff000000009500000000000000',
    seed: 1,
  },
  {
    name: 'the same, with a block between that is never reached',
    code: 'bf19000000000000b700000001000000b707000000000000b701000001000000d500060000000000cd170600000000006a095400fdffffff070700000100000035070100060000000500fcff0000000095000000000000000500f9ff000000000500f9ff00000000',
    seed: 2583,
  },
  {
    name: 'the same, entered again over a jump that is never taken',
    code: '7a0ac8ff5f004b90b700000001000000b701000001000000b709000001000000050005000000000015010b0080000000720aceffffffff7f070900000100000035090100030000000500fbff00000000b7040000030000006604010000000000b708000001000000c509f7ff0600000079a9c8ff00000000af9000000000000095000000000000000500f4ff00000000',
    seed: 1214,
  },
];
