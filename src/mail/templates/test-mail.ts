/** The mail by which an operator sees that mails arrive. */
import type { Say } from '../../core/texts/texts.ts';
import { greeting, type MailContent, paragraph } from './blocks.ts';

export function testMail(say: Say, _nothing: object): MailContent {
  return {
    subject: say('mails.test.subject'),
    blocks: [greeting(say), paragraph(say('mails.test.body'))],
  };
}
