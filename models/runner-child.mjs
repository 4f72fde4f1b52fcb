// Runs one model for runner.ts in a process of its own: a broken file aborts natively, and must not take the host along.
// In: {path, threads, contextTokens} first, then {id, prompt, grammar, maxTokens, temperature, seed}; out: {ready} or {id, text} or {error}.
import { pathToFileURL } from 'node:url';

const { getLlama, LlamaChatSession, LlamaLogLevel } = await import(pathToFileURL(process.argv[2]).href);

const load = async ({ path, threads, contextTokens }) => {
  const options = { gpu: false, build: 'never', progressLogs: false, logLevel: LlamaLogLevel.error };
  const llama = await getLlama({ ...options, logger: () => {} });
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({ contextSize: contextTokens, threads });
  return { llama, sequence: context.getSequence() };
};

const generate = async ({ llama, sequence }, request) => {
  const grammar = await llama.createGrammar({ grammar: request.grammar });
  const session = new LlamaChatSession({ contextSequence: sequence });
  const { maxTokens, temperature, seed } = request;
  try {
    return await session.prompt(request.prompt, { grammar, maxTokens, temperature, seed });
  } finally {
    session.dispose({ disposeSequence: false });
  }
};

let loaded;
let queue = Promise.resolve();
process.on('message', (message) => {
  queue = queue.then(async () => {
    try {
      if (!loaded) {
        loaded = await load(message);
        process.send({ ready: true });
      } else {
        process.send({ id: message.id, text: await generate(loaded, message) });
      }
    } catch (error) {
      process.send({ id: message.id, error: String(error?.message ?? error) });
    }
  });
});
process.on('disconnect', () => process.exit(0));
