/** Checks that a native program makes by itself: it prints `ok NAME` for each that holds. */
import test from 'ava';

/** A test for each name; `told` gives the lines of the program once it ran. */
export const testChecks = (told: () => readonly string[], names: readonly string[]): void => {
  for (const name of names) test(name, (t) => t.true(told().includes(`ok ${name}`), told().join('\n')));
};
