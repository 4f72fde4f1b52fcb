// Runs Z3 for solver.ts in a process of its own: Z3's threads never end by themselves, and a broken query must not take the host along.
// In: {id, script, timeoutMs}; out: {id, ms, answer, model} or {id, error}; ms is processor time. One query at a time, each in a fresh context.
// The script goes in through solver_from_string, which is synchronous: the asynchronous eval_smtlib2_string hands Z3's thread
// a string that is gone by the time it is read.
import { init } from 'z3-solver';

const ready = init();
// Work of Z3 in one ms of processor time: 1,600 of them where it multiplies, 3,700 where it guesses. Limiting work and not time
// makes an answer independent of what else the machine does.
const STEPS_PER_MS = 1500;
// Wall time may be this much longer than processor time.
const PATIENCE = 8;
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

const solve = async ({ script, timeoutMs }) => {
  const { Z3 } = await ready;
  const config = Z3.mk_config();
  const context = Z3.mk_context(config);
  try {
    const solver = Z3.mk_solver_for_logic(context, Z3.mk_string_symbol(context, 'QF_UFBV'));
    Z3.solver_inc_ref(context, solver);
    const params = Z3.mk_params(context);
    Z3.params_set_uint(context, params, Z3.mk_string_symbol(context, 'rlimit'), timeoutMs * STEPS_PER_MS);
    Z3.params_set_uint(context, params, Z3.mk_string_symbol(context, 'timeout'), timeoutMs * PATIENCE);
    Z3.solver_set_params(context, solver, params);
    Z3.solver_from_string(context, solver, script);
    if (Z3.get_error_code(context) !== 0)
      throw new Error(Z3.get_error_msg(context, Z3.get_error_code(context)));
    const expected = script.match(/^\(assert /gm)?.length ?? 0;
    if (Z3.ast_vector_size(context, Z3.solver_get_assertions(context, solver)) !== expected)
      throw new Error('the solver did not take every assertion');
    const answer = answers.get(await Z3.solver_check(context, solver));
    if (answer === 'sat') return { answer, model: modelOf(Z3, context, solver) };
    return answer ? { answer } : { answer: Z3.solver_get_reason_unknown(context, solver) };
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
