/** The type of the variable tables, and values that several variables share. */
import type { Config, Environment } from '../../../src/config/config.ts';

export interface Variable {
  /** The value in the configuration. */
  readonly valueOf: (config: Config) => unknown;
  readonly defaultValue: unknown;
  /** Texts and their values. */
  readonly valid: readonly (readonly [text: string, value: unknown])[];
  readonly invalid: readonly string[];
  /** The remedy in the message for an invalid text. */
  readonly remedy?: RegExp;
  /** Other variables that this one needs. */
  readonly requires?: Environment;
}

export const trueTexts = ['True', 'true', '1', 'yes', 'on'].map((text) => [text, true] as const);
export const falseTexts = ['False', 'false', '0', 'no', 'off'].map(
  (text) => [text, false] as const,
);
export const wholeNumberRemedy = /must be (a whole number )?from \d+ to \d+/;
export const notWholeNumbers = ['-1', '1.5', 'ten', '5m', '0x10', '99999999999'];
