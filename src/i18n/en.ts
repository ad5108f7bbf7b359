/**
 * Every sentence that mails and pages say, in English. The other languages have the same keys.
 * Nothing here is HTML: whoever shows a text escapes it.
 */

const mails = {
  greeting: 'Hello,',
  greetingByName: 'Hello {{name}},',
  footer: 'This is an automatic message; answers to it are not read.',
  unexpected: 'If you did not expect this, tell your administrator.',
  changePassword:
    'If this was not you, ask for a new password at once and tell your administrator.',
  lifetime: {
    minutes_one: 'one minute',
    minutes_other: '{{count}} minutes',
    hours_one: 'one hour',
    hours_other: '{{count}} hours',
  },
  verifyEmail: {
    subject: 'Confirm your email address',
    body: 'An account was requested for {{email}}. If that was you, confirm the address:',
    bodyByName:
      'An account was requested for {{email}} under the name above. If that was you, confirm the address:',
    button: 'Confirm this address',
    note: 'The code works once, within {{lifetime}} of being asked for. If you did not ask for it, or the name is not yours, do not use it: without it nothing happens.',
  },
  verifyRegistrations: {
    body_one: '{{count}} registration waits for {{email}}. Confirm it only if it is yours:',
    body_other:
      '{{count}} registrations wait for {{email}}. Confirm only the one that is yours; the others are removed then:',
    registration: '{{name}}, registered at {{registeredAt}}, valid until {{expiresAt}}',
    button: 'Confirm the registration of {{name}}',
    note: 'Each code works once. The page asks for the password of the registration. If none of them is yours, do not use a code: without it nothing happens.',
  },
  alreadyRegistered: {
    subject: 'You already have an account',
    body: 'Somebody asked to use {{email}} for an account. You already have an account with this address, so nothing was changed.',
    note: 'If it was you, log in as before, or ask for a new password. If it was not you, there is nothing to do.',
  },
  accountClosed: {
    subject: 'Your account is closed',
    body: 'Somebody asked to use {{email}} for an account. Your account with this address is closed, so nothing was changed.',
    note: 'If it was you, ask your administrator to open the account again. If it was not you, there is nothing to do.',
  },
  accountChanged: {
    subject: 'Your account was changed',
    body: 'Something about your account was changed:',
    changed: 'Changed',
    fields: {
      email: 'email address',
      username: 'username',
      firstName: 'first name',
      lastName: 'last name',
      status: 'status',
    },
  },
  resetPassword: {
    subject: 'Choose a new password',
    body: 'A new password was asked for, for the account {{email}}. If that was you, choose it here:',
    button: 'Choose a new password',
    note: 'The link works once, within {{lifetime}} of being asked for. If you did not ask for it, there is nothing to do: your password stays as it is.',
  },
  invite: {
    subject: 'An account was made for you',
    body: 'An administrator has made an account for {{email}}. Choose a password to begin:',
    button: 'Choose a password',
    note: 'The link works once, within {{lifetime}} of being sent. If you did not expect it, there is nothing to do: nobody can log in until a password is chosen.',
  },
  changeEmail: {
    subject: 'Confirm your new email address',
    body: 'Somebody wants to use {{email}} as the new address of their account. If that was you, confirm it:',
    button: 'Confirm the new address',
    note: 'The code works once, within {{lifetime}} of being asked for. If you did not ask for it, do not use it: without it nothing happens.',
  },
  emailChangeRequested: {
    subject: 'Security notice: another email address was asked for',
    body: 'Somebody who knows your password wants to change the address of your account:',
    present: 'Present address',
    requested: 'Requested address',
    unchanged:
      'The present address stays until the requested one is confirmed. If that was you, there is nothing to do here.',
    stop: 'If it was not you, stop it here, then change your password:',
    button: 'Stop the change',
  },
  passwordChanged: {
    subject: 'Security notice: your password was changed',
    body: 'The password of the account {{email}} was changed.',
  },
  administratorRights: {
    subject: 'Security notice: administrator rights',
    body: 'The account {{email}} now has the rights of an administrator.',
  },
  accountDisabled: {
    subject: 'Security notice: your account was disabled',
    body: 'The account {{email}} was disabled, and nobody can log in with it any more.',
  },
  refreshTokenReused: {
    subject: 'Security notice: a session was ended',
    body: 'A session of {{email}} was ended, because a token of it was used twice. That happens when somebody has copied it.',
    note: 'Log in again. If you did not expect this, change your password too.',
  },
  accountErased: {
    subject: 'Your account was erased',
    body: 'The account {{email}} was erased, with everything stored about you. Nothing of it can be brought back.',
    note: 'If you did not ask for this, tell the administrator. This is the last message about this account.',
  },
  test: {
    subject: 'Gatehouse can send mail',
    body: 'This is a test. It has arrived, so the mail settings of Gatehouse work.',
  },
} as const;

const pages = {
  account: 'Account',
  address: 'Address',
  errorTitle: 'Error: {{title}}',
  closeHint: 'You can close this page.',
  linkIncomplete: {
    title: 'The link is not complete',
    body: 'A part of it is missing. Open the link exactly as it stands in the mail, or copy all of it.',
  },
  verifyEmail: {
    title: 'Confirm your email address',
    body: 'Press the button to confirm that this address is yours. Your account is ready after that.',
    registrationBody:
      'Enter the password that you chose when you registered. Your account is ready after that.',
    accountBody: 'Enter the password of this account to confirm that the address is yours.',
    password: 'Password',
    wrongPassword:
      'This is not the password of this registration. If you did not register, remove the registration.',
    wrongAccountPassword:
      'This is not the password of this account. If somebody else chose it, ask for a new password: that confirms the address too.',
    button: 'Confirm this address',
    cancelHint: 'Did somebody else register with your address?',
    cancelButton: 'This was not me',
    cancelledTitle: 'Registration removed',
    cancelled: 'The registration is removed, and its code no longer works.',
    doneTitle: 'Address confirmed',
    done: 'Your account is ready. You can log in now.',
    deadTitle: 'This link does not work any more',
    dead: 'It has been used, it is too old, or a newer mail has taken its place.',
    deadHelp:
      'If you have confirmed already, just log in. If not, ask for another mail where you registered, and use the newest one.',
  },
  confirmEmailChange: {
    title: 'Confirm your new address',
    body: 'Press the button to make this the address of your account. You log in with it from then on.',
    button: 'Use this address',
    doneTitle: 'Address changed',
    done: 'From now on you log in with the new address, and mails go there.',
    deadTitle: 'This link does not work any more',
    dead: 'It has been used, it is too old, or the change was stopped.',
    deadHelp:
      'If you have confirmed already, there is nothing to do. If not, ask for the change again in your account.',
  },
  cancelEmailChange: {
    title: 'Stop the change of address',
    body: 'Somebody wants another address for this account. Press the button to keep this one. It also logs the account out everywhere.',
    button: 'Stop the change',
    doneTitle: 'The change was stopped',
    done: 'This address stays, and the account was logged out everywhere. Whoever asked for the change knows your password: ask for a new one now, where you usually log in.',
    deadTitle: 'This link does not work any more',
    dead: 'It has been used, it is too old, or the change is settled already.',
    deadHelp:
      'If the address of your account was changed against your will, tell your administrator at once.',
  },
  resetPassword: {
    title: 'Choose a new password',
    inviteTitle: 'Choose your password',
    body: 'You will be logged out everywhere and can log in with the new password.',
    inviteBody: 'An account was made for you. With a password you can log in to it.',
    password: 'New password',
    passwordConfirmation: 'New password again',
    hint_one:
      'At least {{count}} character. A few words that do not belong together make a good one.',
    hint_other:
      'At least {{count}} characters. A few words that do not belong together make a good one.',
    button: 'Set this password',
    doneTitle: 'Password set',
    done: 'You can log in with the new password now.',
    deadTitle: 'This link does not work any more',
    dead: 'It has been used, it is too old, or a newer mail has taken its place.',
    deadHelp: 'Ask for a new password where you log in, and use the newest mail.',
  },
  faults: {
    empty: 'Enter a password.',
    tooShort_one: 'Use at least {{count}} character.',
    tooShort_other: 'Use at least {{count}} characters.',
    tooLong_one: 'Use at most {{count}} character.',
    tooLong_other: 'Use at most {{count}} characters.',
    malformed: 'This password has characters that are not complete. Type it again.',
    common: 'Choose another password: this one is on the lists that attackers try first.',
    personal:
      'Choose a password that is more than your name, your address or the name of this service.',
    mismatch: 'The two passwords are not the same. Type the same one twice.',
    other: 'This password is not accepted. Choose another one.',
  },
  failure: {
    title: 'That did not work',
    throttled: 'Too many attempts. Wait a little, then open the link from the mail again.',
    overloaded: 'There is a lot going on right now. Open the link from the mail again in a moment.',
    malformed: 'The page was not sent as it should be. Open the link from the mail again.',
    internal: 'Something went wrong on our side. Try again later.',
  },
} as const;

export const en = { mails, pages } as const;

type Translated<Texts> = {
  readonly [Key in keyof Texts]: Texts[Key] extends string ? string : Translated<Texts[Key]>;
};

export type Translation = Translated<typeof en>;
