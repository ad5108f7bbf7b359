/**
 * Translates the texts of mails and pages. The compiler checks keys and values against the English
 * texts.
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

/** `hours_one` and `hours_other` have the key `hours`, with a `count`. */
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

/** The values that every text may use. Empty if they are not configured. */
export interface BrandValues {
  readonly appName: string;
  readonly appUrl: string;
  readonly supportEmail: string;
}

/** The placeholders of a text that its caller passes. */
type Needed<Key> = Exclude<Placeholder<At<typeof en, Key>>, keyof BrandValues>;

type Values<Key> = {
  readonly [Name in Needed<Key>]: Name extends 'count' ? number : string;
};

/** Returns a text of one language. It is plain text: escape it in HTML. */
export type Translate = <Key extends TextKey>(
  key: Key,
  ...values: Needed<Key> extends never ? [] : [values: Values<Key>]
) => string;

/** The texts of each language. */
export type Texts = (locale: SupportedLocale) => Translate;

export const translations = { en, es } as const satisfies Record<SupportedLocale, Translation>;

/** The names in `{{…}}` of a text. */
export function placeholdersOf(text: string): string[] {
  return [...text.matchAll(/\{\{-?\s*([^},\s]*)[^}]*\}\}/g)].map(([, name = '']) => name);
}

/** @param custom texts that replace built-in ones, by their dotted keys */
export function createTexts(
  values: BrandValues,
  custom: Readonly<Partial<Record<SupportedLocale, Readonly<Record<string, string>>>>> = {},
): Texts {
  const library = createInstance();
  // `initAsync: false` makes the instance ready when this call returns.
  void library.init({
    resources: Object.fromEntries(
      supportedLocales.map((locale) => [
        locale,
        { translation: structuredClone(translations[locale]) },
      ]),
    ),
    fallbackLng: false,
    initAsync: false,
    interpolation: { escapeValue: false, defaultVariables: { ...values } },
  });
  for (const locale of supportedLocales) {
    library.addResources(locale, 'translation', { ...custom[locale] });
  }
  const translators = new Map<SupportedLocale, Translate>(
    supportedLocales.map((locale) => {
      const translate: (key: string, values: Record<string, unknown>) => string =
        library.getFixedT(locale);
      return [locale, (key, ...[values]) => translate(key, values ?? {})];
    }),
  );
  return (locale) => {
    const translate = translators.get(locale);
    if (!translate) throw new Error(`${locale} is not a supported language`);
    return translate;
  };
}
