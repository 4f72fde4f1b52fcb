// Runs models for engine-process.ts in a process of its own: a broken file aborts natively, and must not take the host along.
// In: {id, path} and what is wanted of the model at this path: {threads, contextTokens, sequences} to load it, then {prompt, …} or
// {completions}. Out: {id}, or {id, text} or {id, answers}, or {id, error, problem?}. Its argument is the path of node-llama-cpp.
import { pathToFileURL } from 'node:url';

/** node-llama-cpp and its binary for this machine, which may be missing. */
const startEngine = async (threads) => {
  try {
    const library = await import(pathToFileURL(process.argv[2]).href);
    const options = {
      gpu: false,
      build: 'never',
      progressLogs: false,
      logLevel: library.LlamaLogLevel.error,
    };
    return { library, llama: await library.getLlama({ ...options, maxThreads: threads, logger: () => {} }) };
  } catch (cause) {
    throw Object.assign(
      new Error(`node-llama-cpp does not run here: ${cause?.message ?? cause}`, { cause }),
      {
        problem: 'no_engine',
      },
    );
  }
};

let engine;
const load = async ({ path, threads, contextTokens, sequences }) => {
  engine ??= startEngine(threads);
  const { library, llama } = await engine;
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({ contextSize: contextTokens, threads, sequences });
  return { library, llama, model, sequences: Array.from({ length: sequences }, () => context.getSequence()) };
};

const chat = async ({ library, llama, sequences: [sequence] }, request) => {
  const grammar = await llama.createGrammar({ grammar: request.grammar });
  const session = new library.LlamaChatSession({ contextSequence: sequence });
  const { maxTokens, temperature, seed } = request;
  try {
    return await session.prompt(request.prompt, { grammar, maxTokens, temperature, seed });
  } finally {
    session.dispose({ disposeSequence: false });
  }
};

/** Goes on from tokens; what the sequence has seen of them already is not evaluated again. */
const complete = async (
  { library, llama, model },
  sequence,
  { tokens, grammar, maxTokens, temperature, seed },
) => {
  const state = new library.LlamaGrammarEvaluationState({
    model,
    grammar: await llama.createGrammar({ grammar }),
  });
  await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
  const rest = tokens.slice(sequence.nextTokenIndex);
  const answer = [];
  for await (const token of sequence.evaluate(rest, { temperature, seed, grammarEvaluationState: state })) {
    answer.push(token);
    if (answer.length >= maxTokens) break;
  }
  return answer;
};

/** As many at once as there are sequences; each batch of tokens then costs little more than one. */
const completeAll = async (loaded, completions) => {
  const answers = [];
  let next = 0;
  const work = async (sequence) => {
    while (next < completions.length) {
      const i = next++;
      answers[i] = await complete(loaded, sequence, completions[i]);
    }
  };
  await Promise.all(loaded.sequences.map(work));
  return answers;
};

const models = new Map();
let queue = Promise.resolve();
const answer = async (message) => {
  const { id, path } = message;
  try {
    const loaded = models.get(path);
    if (!loaded) models.set(path, await load(message));
    else if (message.completions) return { id, answers: await completeAll(loaded, message.completions) };
    else return { id, text: await chat(loaded, message) };
    return { id };
  } catch (error) {
    return { id, error: String(error?.message ?? error), problem: error?.problem };
  }
};
process.on('message', (message) => {
  queue = queue.then(async () => process.send(await answer(message)));
});
process.on('disconnect', () => process.exit(0));
