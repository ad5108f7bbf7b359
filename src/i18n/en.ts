/**
 * The English texts of mails and pages. Other languages have the same keys. The texts are plain text:
 * the code that puts one into HTML escapes it.
 */
import { accountPages } from './en-account-pages.ts';
import { mails } from './en-mails.ts';

const pages = {
  ...accountPages,
  account: 'Account',
  address: 'Address',
  errorTitle: 'Error: {{title}}',
  support: 'Questions? Write to',
  closeHint: 'You can close this page.',
  linkIncomplete: {
    title: 'The link is incomplete',
    body: 'A part of the link is missing. Open the link in the mail, or copy the whole link.',
  },
  verifyEmail: {
    title: 'Confirm your email address',
    body: 'Press the button to confirm that this address is yours. Your account is ready after that.',
    registrationBody:
      'Enter the password that you chose when you registered. Your account is ready after that.',
    accountBody: 'Enter the password of this account to confirm that the address is yours.',
    typeBody:
      'Type the code from the mail that you received after you registered. Or open the link in that mail.',
    email: 'Email address',
    code: 'Code',
    codeHint: 'Eight letters and digits, such as 4F7K-2M9X.',
    typeButton: 'Continue',
    wrongCode:
      'This code is not valid for this address. Check both. After five wrong codes, only the link in the mail works; a new mail has a new code.',
    password: 'Password',
    wrongPassword:
      'This is not the password of this registration. If you did not register, remove the registration.',
    wrongAccountPassword:
      'This is not the password of this account. If someone else chose it, reset the password. That confirms the address too.',
    button: 'Confirm this address',
    cancelHint: 'Did someone else register with your address?',
    cancelButton: 'This was not me',
    cancelledTitle: 'Registration removed',
    cancelled: 'The registration was removed. Its code no longer works.',
    doneTitle: 'Address confirmed',
    done: 'Your account is ready. You can now sign in.',
    deadTitle: 'This link no longer works',
    dead: 'It was used, it has expired, or a newer mail replaced it.',
    deadHelp:
      'If you have already confirmed the address, sign in. If not, send a new mail, and use the link in it.',
  },
  confirmEmailChange: {
    title: 'Confirm your new address',
    body: 'Press the button to make this the address of your account. After that, you sign in with it.',
    button: 'Use this address',
    doneTitle: 'Address changed',
    done: 'From now on, you sign in with the new address and receive mails there.',
    deadTitle: 'This link no longer works',
    dead: 'It was used, it has expired, or the change was cancelled.',
    deadHelp:
      'If you have already confirmed the change, no action is needed. If not, request it again in your account.',
  },
  cancelEmailChange: {
    title: 'Cancel the address change',
    body: 'Someone wants to change the address of this account. Press the button to keep the current address. This also ends all sessions of the account.',
    button: 'Cancel the change',
    doneTitle: 'The change was cancelled',
    done: 'The address stays the same, and all sessions of the account were ended. The person who requested the change knows your password. Reset your password now.',
    deadTitle: 'This link no longer works',
    dead: 'It was used, it has expired, or the change was already confirmed or cancelled.',
    deadHelp:
      'If the address of your account was changed without your permission, contact your administrator now.',
  },
  resetPassword: {
    title: 'Choose a new password',
    inviteTitle: 'Choose your password',
    body: 'All your sessions will end. You can then sign in with the new password.',
    inviteBody: 'An account was created for you. Choose a password to sign in to it.',
    password: 'New password',
    passwordConfirmation: 'Repeat the new password',
    hint_one: 'At least {{count}} character. A few unrelated words make a good password.',
    hint_other: 'At least {{count}} characters. A few unrelated words make a good password.',
    button: 'Set the password',
    doneTitle: 'Password set',
    done: 'You can now sign in with the new password.',
    deadTitle: 'This link no longer works',
    dead: 'It was used, it has expired, or a newer mail replaced it.',
    deadHelp: 'If you still need a new password, send a new link to the address of your account.',
  },
  faults: {
    empty: 'Enter a password.',
    tooShort_one: 'Use at least {{count}} character.',
    tooShort_other: 'Use at least {{count}} characters.',
    tooLong_one: 'Use at most {{count}} character.',
    tooLong_other: 'Use at most {{count}} characters.',
    malformed: 'This password has incomplete characters. Type it again.',
    common: 'Choose another password: this one is on the lists that attackers try first.',
    personal:
      'Choose a password that is more than your name, your address or the name of this service.',
    mismatch: 'The two passwords are different. Type the same password twice.',
    other: 'This password is not accepted. Choose another one.',
  },
  failure: {
    title: 'Something went wrong',
    throttled: 'Too many attempts. Wait a moment, then open the link in the mail again.',
    overloaded: 'The service is busy. Wait a moment, then open the link in the mail again.',
    malformed: 'The form was not sent correctly. Open the link in the mail again.',
    internal: 'An internal error occurred. Try again later.',
  },
} as const;

export const en = { mails, pages } as const;

type Translated<Texts> = {
  readonly [Key in keyof Texts]: Texts[Key] extends string ? string : Translated<Texts[Key]>;
};

export type Translation = Translated<typeof en>;
