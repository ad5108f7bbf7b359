/** The variables of pages and mails: defaults, valid texts and invalid texts. */
import { caFile, emptyDirectory, logoFile, templatesDirectory } from '../environments.ts';
import type { Variable } from './variable.ts';

const noLink = [
  'app.example.com',
  'javascript://alert',
  'https://me@app.example.com',
  'https:\\\\a.b',
];

export const brandVariables: Readonly<Record<string, Variable>> = {
  APP_NAME: {
    valueOf: ({ brand }) => brand.appName,
    defaultValue: 'Gatehouse',
    valid: [
      [' Acme & Söhne ', 'Acme & Söhne'],
      ['x'.repeat(60), 'x'.repeat(60)],
    ],
    invalid: ['x'.repeat(61), 'two\nlines', '<b>', ' '],
    remedy: /60 characters on one line/,
  },
  APP_URL: {
    valueOf: ({ brand }) => brand.appUrl,
    defaultValue: undefined,
    valid: [['https://app.example.com/start?from=mail', 'https://app.example.com/start?from=mail']],
    invalid: noLink,
    remedy: /such as https:\/\//,
  },
  SUPPORT_EMAIL: {
    valueOf: ({ brand }) => brand.supportEmail,
    defaultValue: undefined,
    valid: [['help@example.com', 'help@example.com']],
    invalid: ['help', 'Help <help@example.com>'],
    remedy: /email address/,
  },
  ALLOWED_RETURN_URLS: {
    valueOf: (config) => config.allowedReturnUrls,
    defaultValue: [],
    valid: [
      [
        'https://app.example.com, http://localhost:5173/shop/',
        ['https://app.example.com', 'http://localhost:5173/shop/'],
      ],
    ],
    invalid: [
      ...noLink,
      'https://app.example.com/?to=x',
      'https://app.example.com, *',
      'https://*.example.com',
    ],
    remedy: /such as https:\/\//,
  },
  BRAND_COLOR: {
    valueOf: ({ brand }) => brand.colors?.light.accent,
    defaultValue: undefined,
    valid: [
      ['#0A5C36', '#0a5c36'],
      ['#000000', '#000000'],
    ],
    invalid: ['green', '#abc', '#ffcc00', '#ffffff', '#777777'],
    remedy: /such as #|4\.5:1; #[0-9a-f]{6} has it/,
  },
  BRAND_LOGO: {
    valueOf: ({ brand }) => brand.logo?.type,
    defaultValue: undefined,
    valid: [[logoFile, 'image/svg+xml']],
    invalid: ['missing.png', caFile, emptyDirectory],
    remedy: /cannot be read|SVG or PNG/,
  },
  TEMPLATES_DIR: {
    valueOf: ({ customTexts }) => customTexts.en,
    defaultValue: {},
    valid: [[templatesDirectory, { 'mails.greeting': 'Welcome to {{appName}},' }]],
    invalid: ['missing', caFile, emptyDirectory],
    remedy: /cannot be read|has no en.json/,
  },
};
