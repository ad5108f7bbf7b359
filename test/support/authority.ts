/** A certificate authority of a test, and what it issues, by the openssl program. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeScratchDirectory } from './scratch.ts';

export interface Certificate {
  /** Paths of PEM files. */
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  readonly directory: string;
}

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

export function makeAuthority(name: string): Authority {
  const directory = makeScratchDirectory('ca');
  const made = { certificate: join(directory, 'ca.pem'), key: join(directory, 'ca.key') };
  openssl(['-x509', ...curve, '-subj', `/CN=${name}`], made);
  return { directory, ...made };
}

/** @param subject alternative names such as `DNS:localhost`; none for a client's certificate */
export function issue(
  authority: Authority,
  name: string,
  { alternativeNames = '' }: { readonly alternativeNames?: string } = {},
): Certificate & { readonly certificatePem: string; readonly keyPem: string } {
  const made = {
    certificate: join(authority.directory, `${name}.pem`),
    key: join(authority.directory, `${name}.key`),
  };
  const extension =
    alternativeNames === '' ? [] : ['-addext', `subjectAltName=${alternativeNames}`];
  const signer = ['-x509', '-CA', authority.certificate, '-CAkey', authority.key];
  openssl([...signer, ...curve, '-subj', `/CN=${name}`, ...extension], made);
  return {
    ...made,
    certificatePem: readFileSync(made.certificate, 'utf8'),
    keyPem: readFileSync(made.key, 'utf8'),
  };
}

function openssl(words: readonly string[], { certificate, key }: Certificate): void {
  execFileSync('openssl', ['req', ...words, '-keyout', key, '-out', certificate], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}
