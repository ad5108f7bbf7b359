/** Selects one of the supported languages. */

export const supportedLocales = ['en', 'es'] as const;
export type SupportedLocale = (typeof supportedLocales)[number];
export const defaultLocale: SupportedLocale = 'en';

/** The supported language of a tag such as `es-MX`; the default for any other. */
export function supportedLocaleOf(tag: string | null | undefined): SupportedLocale {
  const language = tag?.trim().toLowerCase().split('-')[0];
  return supportedLocales.find((locale) => locale === language) ?? defaultLocale;
}

/** The preferred supported language of an Accept-Language header (RFC 9110 §12.5.4). */
export function preferredLocale(acceptLanguage: string | undefined): SupportedLocale {
  if (acceptLanguage === undefined) return defaultLocale;
  const wanted = acceptLanguage
    .slice(0, 200)
    .split(',')
    .map((item) => {
      const [tag = '', ...parameters] = item.trim().split(';');
      const quality = parameters.find((parameter) => parameter.trim().startsWith('q='));
      return { tag, quality: quality === undefined ? 1 : Number(quality.trim().slice(2)) };
    })
    .filter(({ tag, quality }) => quality > 0 && isSupported(tag))
    .sort((one, other) => other.quality - one.quality);
  return supportedLocaleOf(wanted[0]?.tag);
}

function isSupported(tag: string): boolean {
  return supportedLocales.some((locale) => tag.toLowerCase().split('-')[0] === locale);
}
