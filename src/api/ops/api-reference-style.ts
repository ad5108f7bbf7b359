/** The style sheet of `/docs`: the colours and the font of the pages, in Swagger UI. */
import { colorVariables } from '../pages/assets/assets.ts';

const methodColors = {
  get: '#1f4fd8',
  post: '#14713b',
  put: '#8a4a00',
  patch: '#0b6b75',
  delete: '#a4161a',
};

const methods = Object.entries(methodColors)
  .map(
    ([method, color]) =>
      `.swagger-ui .opblock.opblock-${method} .opblock-summary-method { background: ${color}; color: #fff; text-shadow: none; }`,
  )
  .join('\n');

/** The classes of Swagger UI, twice where its own rules are as specific. */
export const apiReferenceStyle = `${colorVariables}
body { margin: 0; background: var(--page); color: var(--text); }
.swagger-ui.swagger-ui, html.dark-mode .swagger-ui.swagger-ui { background: var(--page); color: var(--text); }
.brand-bar, .swagger-ui .wrapper { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
.brand-bar { padding-top: 1.5rem; }
.brand { display: flex; align-items: center; gap: .6rem; margin: 0; color: var(--quiet);
  font: 600 1.0625rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.brand svg { width: 1.6rem; height: 1.6rem; color: var(--accent); }
.swagger-ui .info { margin: 1.25rem 0 1.5rem; }
.swagger-ui .info .title { color: var(--text); font-size: 2rem; letter-spacing: -.015em; }
.swagger-ui .info .title small { background: var(--quiet); }
.swagger-ui .info .title small.version-stamp, .swagger-ui .response-col_links { display: none; }
.swagger-ui .info p, .swagger-ui .opblock-description-wrapper p, .swagger-ui .opblock-tag small,
.swagger-ui .opblock .opblock-summary-description { color: var(--text); }
.swagger-ui a, .swagger-ui .info a, .swagger-ui .info__contact a, .swagger-ui .info__license a { color: var(--accent); }
.swagger-ui .markdown code, .swagger-ui .renderedMarkdown code { color: var(--text) !important;
  background: var(--tint) !important; font-weight: 500; overflow-wrap: anywhere; }
.swagger-ui .scheme-container, html.dark-mode .swagger-ui .scheme-container { background: none; box-shadow: none;
  padding: 0 0 1rem; margin: 0; }
.swagger-ui .btn.authorize { color: var(--accent); border-color: var(--accent); }
.swagger-ui .btn.authorize svg, .swagger-ui .btn.authorize svg path { fill: var(--accent); }
.swagger-ui .btn.execute { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.swagger-ui .opblock-tag { color: var(--text); border-bottom-color: var(--line); }
.swagger-ui .opblock.opblock { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; box-shadow: none; }
.swagger-ui .opblock.opblock .opblock-summary { border-color: var(--line); }
.swagger-ui .opblock .opblock-section-header, html.dark-mode .swagger-ui .opblock .opblock-section-header {
  background: var(--tint); box-shadow: none; }
.swagger-ui .opblock.opblock .tab-header .tab-item.active h4 span::after { background: var(--accent); }
${methods}
.swagger-ui .opblock-summary-method { border-radius: .4rem; }
.swagger-ui .opblock .opblock-summary-path, .swagger-ui .opblock .opblock-summary-path a { color: var(--text); }
.swagger-ui section.models { border-color: var(--line); border-radius: .6rem; }
.swagger-ui :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
@media (max-width: 36rem) {
  .swagger-ui .info .title { font-size: 1.6rem; }
  .swagger-ui .opblock-tag { flex-wrap: wrap; }
  .swagger-ui .opblock-tag small { flex: 1 0 70%; order: 1; padding: 0; }
  .swagger-ui .opblock .opblock-summary-method { min-width: 4rem; padding: 6px 0; }
}
`;
