/**
 * What we say to people, in their language, for mails and pages alike. Keys and the values that a
 * text needs are checked by the compiler against the English texts.
 */
import { createInstance } from 'i18next';
import type { Translation } from './en.ts';
import { en } from './en.ts';
import { es } from './es.ts';
import { type SupportedLocale, supportedLocales } from './locale.ts';

type Leaf<Tree> = {
  [Key in keyof Tree & string]: Tree[Key] extends string ? Key : `${Key}.${Leaf<Tree[Key]>}`;
}[keyof Tree & string];

type Path = Leaf<typeof en>;

/** `hours_one` and `hours_other` are asked for as `hours`, with a `count`. */
export type TextKey = Path extends infer Key
  ? Key extends `${string}_one`
    ? never
    : Key extends `${infer Base}_other`
      ? Base
      : Key
  : never;

type At<Tree, Key> = Key extends `${infer Head}.${infer Rest}`
  ? Head extends keyof Tree
    ? At<Tree[Head], Rest>
    : never
  : Key extends keyof Tree
    ? Tree[Key]
    : Key extends string
      ? `${Key}_other` extends keyof Tree
        ? Tree[`${Key}_other`]
        : never
      : never;

type Placeholder<Text> = Text extends `${string}{{${infer Name}}}${infer Rest}`
  ? Name | Placeholder<Rest>
  : never;

type Values<Key> = {
  readonly [Name in Placeholder<At<typeof en, Key>>]: Name extends 'count' ? number : string;
};

/** One language's texts. The text is plain: it must be escaped where it becomes HTML. */
export type Translate = <Key extends TextKey>(
  key: Key,
  ...values: Placeholder<At<typeof en, Key>> extends never ? [] : [values: Values<Key>]
) => string;

export const translations = { en, es } as const satisfies Record<SupportedLocale, Translation>;

const library = createInstance();
// With the texts at hand it is ready when this returns, whatever the promise says.
void library.init({
  resources: Object.fromEntries(
    supportedLocales.map((locale) => [locale, { translation: translations[locale] }]),
  ),
  fallbackLng: false,
  initAsync: false,
  interpolation: { escapeValue: false },
});

const translators = new Map<SupportedLocale, Translate>(
  supportedLocales.map((locale) => {
    const translate: (key: string, values: Record<string, unknown>) => string =
      library.getFixedT(locale);
    return [locale, (key, ...[values]) => translate(key, values ?? {})];
  }),
);

/** The texts in a language. */
export function textsIn(locale: SupportedLocale): Translate {
  const translate = translators.get(locale);
  if (!translate) throw new Error(`${locale} is not spoken here`);
  return translate;
}
