/** The English texts of mails. They are plain text: the layout escapes them for HTML. */

export const mails = {
  greeting: 'Hello,',
  greetingByName: 'Hello {{name}},',
  footer: 'This is an automatic message. Replies to it are not read.',
  support: 'Questions? Write to {{supportEmail}}.',
  reason: {
    given: 'You receive this message because {{email}} was entered for an account at {{appName}}.',
    owner:
      'You receive this message because {{email}} is the address of an account at {{appName}}.',
    formerOwner:
      'You receive this message because {{email}} was the address of an account at {{appName}}.',
    test: 'You receive this message because an operator of {{appName}} tests the mail settings.',
  },
  linkHint: 'If the button does not work, open this address:',
  programs: 'For applications that ask for these values:',
  ifYou: 'If this was you, no action is needed.',
  ifNotYou:
    'If this was not you, someone else may be able to use your account. Choose a new password now:',
  resetButton: 'Reset my password',
  resetFails: 'If that does not work, contact the administrator of {{appName}}.',
  resetFailsByMail: 'If that does not work, write to {{supportEmail}}.',
  unexpected: 'If you did not expect this, contact the administrator of {{appName}}.',
  unexpectedByMail: 'If you did not expect this, write to {{supportEmail}}.',
  cause: {
    time: 'Time',
    ipAddress: 'IP address',
    device: 'Device',
    by: 'By',
    administrator: 'an administrator',
    operator: 'an operator of {{appName}}',
    service: '{{appName}}, automatically',
    unknownDevice: 'unknown',
    programOnSystem: '{{program}} on {{system}}',
  },
  lifetime: {
    minutes_one: 'one minute',
    minutes_other: '{{count}} minutes',
    hours_one: 'one hour',
    hours_other: '{{count}} hours',
  },
  verifyEmail: {
    subject: 'Confirm your email address for {{appName}}',
    preheader: 'Confirm that this address is yours. Without it, no account can be used.',
    body: 'An account at {{appName}} was requested for {{email}}. If this was you, confirm the address:',
    bodyByName:
      'An account at {{appName}} was requested for {{email}} under the name above. If this was you, confirm the address:',
    button: 'Confirm this address',
    typed: 'Or type this code on the page where you registered:',
    note: 'The link and the code work once, and for {{lifetime}} after the request. If you did not request an account, or the name is not yours, ignore this message. The address then stays unconfirmed.',
  },
  verifyRegistrations: {
    preheader: 'Several registrations use this address. Confirm only your own.',
    body_one:
      '{{count}} registration at {{appName}} is pending for {{email}}. Confirm it only if it is yours:',
    body_other:
      '{{count}} registrations at {{appName}} are pending for {{email}}. Confirm only your own. The others are then removed:',
    registration: '{{name}}, registered on {{registeredAt}}, valid until {{expiresAt}}',
    button: 'Confirm this registration',
    note: 'Each link and each code works once. The page asks for the password of the registration. If none of them is yours, ignore this message. The registrations then expire.',
  },
  alreadyRegistered: {
    subject: 'You already have an account at {{appName}}',
    preheader: 'Someone entered your address again. Nothing was changed.',
    body: 'Someone tried to use {{email}} for an account at {{appName}}. You already have an account with this address, so nothing was changed.',
    note: 'If this was not you, no action is needed. If this was you, log in as usual, or choose a new password:',
  },
  accountClosed: {
    subject: 'Your account at {{appName}} is closed',
    preheader: 'Someone entered your address. Nothing was changed.',
    body: 'Someone tried to use {{email}} for an account at {{appName}}. Your account with this address is closed, so nothing was changed.',
    note: 'If this was not you, no action is needed. If this was you, ask the administrator of {{appName}} to reopen the account.',
  },
  accountChanged: {
    subject: 'Your account at {{appName}} was changed',
    preheader: 'See what was changed, and when.',
    body: 'These details of your account at {{appName}} were changed:',
    changed: 'Changed',
    fields: {
      email: 'email address',
      username: 'username',
      firstName: 'first name',
      lastName: 'last name',
    },
  },
  resetPassword: {
    subject: 'Reset your password for {{appName}}',
    preheader: 'A new password was requested. Without the link, your password stays the same.',
    body: 'We received a request to reset the password of the account {{email}} at {{appName}}.',
    ifYou: 'If this was you, choose a new password here:',
    button: 'Choose a new password',
    note: 'The link works once, and for {{lifetime}} after the request. If this was not you, no action is needed. Your password stays the same.',
  },
  invite: {
    subject: 'An account at {{appName}} was created for you',
    preheader: 'Choose a password to start using it.',
    body: 'An administrator of {{appName}} created an account for {{email}}. Choose a password to start:',
    button: 'Choose a password',
    note: 'The link works once, and for {{lifetime}} after it was sent. If you did not expect it, no action is needed. Nobody can log in before a password is chosen.',
  },
  changeEmail: {
    subject: 'Confirm your new email address for {{appName}}',
    preheader: 'Confirm that this address is yours. Without it, the account keeps its address.',
    body: 'Someone wants to use {{email}} as the new address of their account at {{appName}}. If this was you, confirm it:',
    button: 'Confirm the new address',
    note: 'The link works once, and for {{lifetime}} after the request. If you did not request it, ignore this message. The account then keeps its address.',
  },
  emailChangeRequested: {
    subject: 'Security notice: a new email address for your {{appName}} account',
    preheader: 'If this was not you, cancel the change.',
    body: 'Someone who knows your password wants to change the address of your account at {{appName}}:',
    present: 'Current address',
    requested: 'New address',
    unchanged:
      'The current address stays in use until the new one is confirmed. If this was you, no action is needed here.',
    stop: 'If this was not you, cancel the change here, then change your password:',
    button: 'Cancel the change',
  },
  passwordChanged: {
    subject: 'Security notice: your {{appName}} password was changed',
    preheader: 'If this was not you, reset your password.',
    body: 'The password of the account {{email}} at {{appName}} was changed.',
  },
  administratorRights: {
    subject: 'Security notice: administrator rights at {{appName}}',
    preheader: 'Your account received administrator rights.',
    body: 'The account {{email}} at {{appName}} now has administrator rights.',
  },
  accountDisabled: {
    subject: 'Security notice: your {{appName}} account was disabled',
    preheader: 'See when this happened, and what you can do.',
    body: 'The account {{email}} at {{appName}} was disabled. Nobody can log in with it any more.',
  },
  refreshTokenReused: {
    subject: 'Security notice: a session of your {{appName}} account was ended',
    preheader: 'One of its tokens was used twice. See when, and from which device.',
    body: 'A session of {{email}} at {{appName}} was ended because one of its tokens was used twice. This happens when someone has copied the token.',
    use: 'The second use:',
    ifYou: 'If this was one of your devices, log in again.',
  },
  accountErased: {
    subject: 'Your account at {{appName}} was erased',
    preheader: 'The account and its data do not exist any more.',
    body: 'The account {{email}} at {{appName}} was erased, with all data stored about you. It cannot be restored.',
    last: 'This is the last message about this account.',
  },
  test: {
    subject: '{{appName}} can send mail',
    preheader: 'The mail settings work.',
    body: 'This is a test. The mail settings of {{appName}} work.',
  },
} as const;
