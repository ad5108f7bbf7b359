/** The frame of every page, its style sheet, and HTML that escapes what is put into it. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { escapeHtml } from '../../core/escape-html.ts';

/** A piece of HTML that needs no escaping any more. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** HTML with every value escaped, except those that are Html already. */
export function html(
  strings: TemplateStringsArray,
  ...values: readonly (string | Html | Html[])[]
): Html {
  const parts = strings.map((string, index) => {
    const value = values[index];
    if (value === undefined) return string;
    if (value instanceof Html) return string + value.text;
    if (Array.isArray(value)) return string + value.map(({ text }) => text).join('\n');
    return string + escapeHtml(value);
  });
  return new Html(parts.join(''));
}

const styleSheetPath = '/assets/gatehouse.css';

const styleSheet = `
:root { color-scheme: light dark; --accent: #1f4fd8; --on-accent: #fff; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --accent: #9db7ff; --on-accent: #0b1020; } }
* { box-sizing: border-box; }
body { margin: 0; font: 17px/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 0 auto; padding: 12vh 1.25rem 3rem; }
main.wide { max-width: 60rem; padding-top: 2rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 1rem; }
a { color: var(--accent); }
button { font: inherit; padding: .7rem 1.3rem; border: 0; border-radius: .6rem; cursor: pointer;
  background: var(--accent); color: var(--on-accent); }
button:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line);
  border-radius: .6rem; padding: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .5rem; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; vertical-align: top; }
iframe { width: 100%; height: 28rem; border: 1px solid var(--line); border-radius: .6rem; background: #fff; }
`;

export function serveStyleSheet(app: FastifyInstance): void {
  app.get(styleSheetPath, (_request, reply) =>
    reply
      .type('text/css; charset=utf-8')
      .header('cache-control', 'public, max-age=3600')
      .send(styleSheet),
  );
}

/** A whole page; never cached, and never naming its address to another site. */
export function sendPage(
  reply: FastifyReply,
  {
    title,
    body,
    status = 200,
    isWide = false,
  }: { title: string; body: Html; status?: number; isWide?: boolean },
): FastifyReply {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Gatehouse</title>
<link rel="stylesheet" href="${styleSheetPath}">
</head>
<body>
<main${isWide ? new Html(' class="wide"') : ''}>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(page.text);
}
