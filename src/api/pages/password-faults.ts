/**
 * What is wrong with a chosen password, in the language of the page. The service says it in English;
 * its sentences are recognised here, and one that is not gets a general answer.
 */
import type { FieldProblem } from '../../core/errors.ts';
import type { Say } from '../../core/texts/texts.ts';

type Sentence = (say: Say, count: number) => string;

const sentences: readonly (readonly [message: RegExp, Sentence])[] = [
  [/^Must not be empty\.$/, (say) => say('pages.faults.empty')],
  [/^Use at least (\d+) characters\.$/, (say, count) => say('pages.faults.tooShort', { count })],
  [
    /^(?:Use at most|Must not be longer than) (\d+) characters\.$/,
    (say, count) => say('pages.faults.tooLong', { count }),
  ],
  [/Unicode/, (say) => say('pages.faults.malformed')],
  [/on the lists that attackers/, (say) => say('pages.faults.common')],
  [/more than your name/, (say) => say('pages.faults.aboutYou')],
  [/^Must be equal to the password\.$/, (say) => say('pages.faults.notEqual')],
];

/** The sentence for a message of the service. */
export function passwordFault(say: Say, message: string): string {
  for (const [pattern, sentence] of sentences) {
    const match = pattern.exec(message);
    if (match) return sentence(say, Number(match[1]));
  }
  return say('pages.faults.other');
}

/** The fault of one field of the form, if it has any. */
export function faultOf(
  say: Say,
  fields: readonly FieldProblem[],
  name: 'password' | 'passwordConfirmation',
): string | undefined {
  const field = fields.find(({ path }) => path === name);
  return field && passwordFault(say, field.message);
}
