/** What a language has to say: the keys of the English texts, exactly. */
import type { en } from './en.ts';

type Translated<Texts> = {
  readonly [Key in keyof Texts]: Texts[Key] extends string ? string : Translated<Texts[Key]>;
};

export type Translation = Translated<typeof en>;
