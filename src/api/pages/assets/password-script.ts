/** The script of the pages: a button beside each password field that shows the password. */

export const passwordScriptPath = '/assets/show-password.js';

/**
 * The texts of the button are data attributes of the script element. The field is a password field again when the form
 * is sent, so that the browser does not store the password among the typed texts.
 */
export const passwordScript = `const { show, hide, showLabel, hideLabel } = document.currentScript.dataset;
for (const field of document.querySelectorAll('input[type="password"]')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'secondary reveal';
  button.setAttribute('aria-controls', field.id);
  const set = (isShown) => {
    field.type = isShown ? 'text' : 'password';
    button.textContent = isShown ? hide : show;
    button.setAttribute('aria-label', isShown ? hideLabel : showLabel);
  };
  button.addEventListener('click', () => set(field.type === 'password'));
  field.form?.addEventListener('submit', () => set(false));
  addEventListener('pagehide', () => set(false));
  set(false);
  field.after(button);
}
`;
