// Runs Z3 for solver.ts in a process of its own: Z3's threads never end by themselves, and a broken query must not take the host along.
// In: {id, script, steps, patienceMs}; out: {id, ms, steps, answer, model} or {id, error}. One query at a time, each in a fresh context.
// steps limits work, as Z3 counts it, so that an answer does not hang on what else the machine does; patienceMs and ms are processor
// time, behind it for what Z3 does not count.
// The script goes in through solver_from_string, which is synchronous: the asynchronous eval_smtlib2_string hands Z3's thread
// a string that is gone by the time it is read.
import { init } from 'z3-solver';

const ready = init();
const answers = new Map([
  [1, 'sat'],
  [-1, 'unsat'],
]);

const modelOf = (Z3, context, solver) => {
  const model = Z3.solver_get_model(context, solver);
  const values = {};
  const count = Z3.model_get_num_consts(context, model);
  for (let i = 0; i < count; i++) {
    const declaration = Z3.model_get_const_decl(context, model, i);
    const name = Z3.get_symbol_string(context, Z3.get_decl_name(context, declaration));
    const value = Z3.model_get_const_interp(context, model, declaration);
    if (value) values[name] = Z3.get_numeral_string(context, value);
  }
  return values;
};

/** What the query cost, in steps of the solver: the same on every machine. */
const stepsOf = (Z3, context, solver) => {
  const statistics = Z3.solver_get_statistics(context, solver);
  Z3.stats_inc_ref(context, statistics);
  for (let i = 0; i < Z3.stats_size(context, statistics); i++)
    if (Z3.stats_get_key(context, statistics, i) === 'rlimit count')
      return Z3.stats_get_uint_value(context, statistics, i);
  return 0;
};

const WATCH_MS = 250;

/** Asks Z3, which works in a thread of its own, and interrupts it when it took too much of the processor. */
const check = async (Z3, context, solver, patienceMs) => {
  const started = process.cpuUsage();
  const timer = setInterval(() => {
    if (process.cpuUsage(started).user / 1000 > patienceMs) Z3.interrupt(context);
  }, WATCH_MS);
  try {
    return await Z3.solver_check(context, solver);
  } finally {
    clearInterval(timer);
  }
};

const solve = async ({ script, steps: limit, patienceMs }) => {
  const { Z3 } = await ready;
  const config = Z3.mk_config();
  const context = Z3.mk_context(config);
  try {
    const solver = Z3.mk_solver_for_logic(context, Z3.mk_string_symbol(context, 'QF_UFBV'));
    Z3.solver_inc_ref(context, solver);
    const params = Z3.mk_params(context);
    Z3.params_set_uint(context, params, Z3.mk_string_symbol(context, 'rlimit'), limit);
    Z3.solver_set_params(context, solver, params);
    Z3.solver_from_string(context, solver, script);
    if (Z3.get_error_code(context) !== 0)
      throw new Error(Z3.get_error_msg(context, Z3.get_error_code(context)));
    const expected = script.match(/^\(assert /gm)?.length ?? 0;
    if (Z3.ast_vector_size(context, Z3.solver_get_assertions(context, solver)) !== expected)
      throw new Error('the solver did not take every assertion');
    const answer = answers.get(await check(Z3, context, solver, patienceMs));
    const steps = stepsOf(Z3, context, solver);
    if (answer === 'sat') return { answer, steps, model: modelOf(Z3, context, solver) };
    return { answer: answer ?? Z3.solver_get_reason_unknown(context, solver), steps };
  } finally {
    Z3.del_context(context);
    Z3.del_config(config);
  }
};

let queue = Promise.resolve();
process.on('message', (request) => {
  queue = queue.then(async () => {
    try {
      const started = process.cpuUsage();
      const answer = await solve(request);
      process.send({ id: request.id, ms: process.cpuUsage(started).user / 1000, ...answer });
    } catch (error) {
      process.send({ id: request.id, error: String(error) });
    }
  });
});
process.on('disconnect', () => process.exit(0));
