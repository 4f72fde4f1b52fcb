// Runs Z3 for solver.ts in a process of its own: Z3's threads never end by themselves, and a broken query must not take the host along.
// In: {id, script, values, timeoutMs}; out: {id, answer, values} or {id, error}. One query at a time, each in a fresh context.
import { init } from 'z3-solver';

const ready = init();

const solve = async ({ script, values, timeoutMs }) => {
  const { Z3 } = await ready;
  const config = Z3.mk_config();
  const context = Z3.mk_context(config);
  try {
    const head = `(set-option :timeout ${timeoutMs})\n(set-option :produce-models true)\n`;
    const answer = (await Z3.eval_smtlib2_string(context, `${head}${script}\n(check-sat)`)).trim();
    if (answer !== 'sat' || values.length === 0) return { answer, values: [] };
    const text = await Z3.eval_smtlib2_string(context, `(get-value (${values.join(' ')}))`);
    const found = [...text.matchAll(/#(x[0-9a-f]+|b[01]+)\)/g)].map((m) => `0${m[1]}`);
    return { answer, values: found };
  } finally {
    Z3.del_context(context);
    Z3.del_config(config);
  }
};

let queue = Promise.resolve();
process.on('message', (request) => {
  queue = queue.then(async () => {
    try {
      process.send({ id: request.id, ...(await solve(request)) });
    } catch (error) {
      process.send({ id: request.id, error: String(error) });
    }
  });
});
process.on('disconnect', () => process.exit(0));
