/** What pages and mails look like and say: brand and texts, from `APP_…`, `BRAND_…` and `TEMPLATES_DIR`. */
import { resolve } from 'node:path';
import { type CustomTexts, noCustomTexts, readCustomTexts } from '../i18n/custom-texts.ts';
import { createTexts, type Texts } from '../i18n/translate.ts';
import { type Brand, readColor, readLogo } from './brand.ts';
import { appName as appNamePattern, defaultAppName } from './values.ts';

export interface Presentation {
  readonly brand: Brand;
  readonly customTexts: CustomTexts;
  /** Faults of colour, logo and texts. The other variables are checked with all the others. */
  readonly faults: readonly string[];
}

/** The texts of pages and mails, with the values of the brand. */
export function textsFor({
  brand,
  customTexts,
}: Pick<Presentation, 'brand' | 'customTexts'>): Texts {
  return createTexts(brandValues(brand), customTexts);
}

function brandValues({ appName, appUrl, supportEmail }: Omit<Brand, 'colors' | 'logo'>) {
  return { appName, appUrl: appUrl ?? '', supportEmail: supportEmail ?? '' };
}

type Values = Readonly<Record<string, string | undefined>>;

/** Reads the files that the variables name. A fault stops no other check. */
export function readPresentation(values: Values, directory: string): Presentation {
  const { BRAND_COLOR, BRAND_LOGO, TEMPLATES_DIR } = values;
  const appName = appNamePattern.safeParse(values.APP_NAME).data ?? defaultAppName;
  const names = { appName, appUrl: values.APP_URL, supportEmail: values.SUPPORT_EMAIL };
  const color = BRAND_COLOR === undefined ? { colors: undefined } : readColor(BRAND_COLOR);
  const logo =
    BRAND_LOGO === undefined ? { logo: undefined } : readLogo(resolve(directory, BRAND_LOGO));
  const texts =
    TEMPLATES_DIR === undefined
      ? { texts: noCustomTexts }
      : readCustomTexts(resolve(directory, TEMPLATES_DIR), brandValues(names));
  return {
    brand: {
      ...names,
      colors: 'colors' in color ? color.colors : undefined,
      logo: 'logo' in logo ? logo.logo : undefined,
    },
    customTexts: 'texts' in texts ? texts.texts : noCustomTexts,
    faults: [
      ...('fault' in color ? [`BRAND_COLOR ${color.fault}`] : []),
      ...('fault' in logo ? [`BRAND_LOGO ${logo.fault}`] : []),
      ...('faults' in texts ? texts.faults.map((fault) => `TEMPLATES_DIR ${fault}`) : []),
    ],
  };
}
