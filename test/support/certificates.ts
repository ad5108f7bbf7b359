/** A certificate authority for tests, and certificates that it issues. Uses the openssl program. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeScratchDirectory } from './scratch.ts';

/** Paths of PEM files, and their content. */
export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  readonly directory: string;
}

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];

/** @param directory for its files and those that it issues; a new one by default */
export function createAuthority(name: string, directory = makeScratchDirectory('ca')): Authority {
  return { directory, ...request(directory, 'ca', ['-x509', '-subj', `/CN=${name}`]) };
}

/** @param hostNames of a server, which may be addresses; none for the certificate of a client */
export function issueCertificate(
  authority: Authority,
  name: string,
  hostNames: readonly string[] = [],
): Certificate {
  const alternatives = hostNames.map((host) => `${/^[\d.]+$/.test(host) ? 'IP' : 'DNS'}:${host}`);
  const extension =
    alternatives.length === 0 ? [] : ['-addext', `subjectAltName=${alternatives.join(',')}`];
  const signer = ['-x509', '-CA', authority.certificateFile, '-CAkey', authority.keyFile];
  return request(authority.directory, name, [...signer, '-subj', `/CN=${name}`, ...extension]);
}

export interface ServerCertificate extends Certificate {
  readonly ca: string;
  readonly caFile: string;
  /** Certificate and key in one file. */
  readonly bundleFile: string;
}

/** The certificate of a server with these names, and the authority that issued it. */
export function createServerCertificate(
  directory: string,
  hostNames: readonly string[],
): ServerCertificate {
  const authority = createAuthority('Test CA', directory);
  const issued = issueCertificate(authority, 'leaf', hostNames);
  const bundleFile = join(directory, 'bundle.pem');
  writeFileSync(bundleFile, issued.certificate + issued.key);
  return { ...issued, ca: authority.certificate, caFile: authority.certificateFile, bundleFile };
}

function request(directory: string, name: string, options: readonly string[]): Certificate {
  const certificateFile = join(directory, `${name}.pem`);
  const keyFile = join(directory, `${name}.key`);
  execFileSync(
    'openssl',
    ['req', ...options, ...curve, '-keyout', keyFile, '-out', certificateFile],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  return {
    certificateFile,
    keyFile,
    certificate: readFileSync(certificateFile, 'utf8'),
    key: readFileSync(keyFile, 'utf8'),
  };
}
