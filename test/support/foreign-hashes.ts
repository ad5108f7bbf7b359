/** Hashes that other systems computed, with their password. */
import { readFileSync } from 'node:fs';

/** The password of the dump and of the hashes. */
export const foreignPassword = 'Harbour-Violin-62';

interface DumpedUser {
  readonly email: string;
  readonly password: string;
  readonly is_active: boolean;
}

/** The users that Django 3.2 printed with `manage.py dumpdata`. */
export function dumpedUsers(): readonly DumpedUser[] {
  const text = readFileSync(new URL('../fixtures/django-dumpdata.json', import.meta.url), 'utf8');
  const objects = JSON.parse(text) as { model: string; fields: DumpedUser }[];
  return objects.filter(({ model }) => model === 'users.user').map(({ fields }) => fields);
}

function dumped(name: string): string {
  const user = dumpedUsers().find(({ email }) => email === `${name}@example.net`);
  if (!user) throw new Error(`the dump has no ${name}`);
  return user.password;
}

/** Hashes that verify, by scheme and system. */
export const foreignHashes = {
  'pbkdf2_sha256 of Django 3.2': dumped('marie'),
  'pbkdf2_sha1 of Django 3.2': dumped('pbkdf2-sha1'),
  'argon2 of Django 3.2': dumped('argon2'),
  'bcrypt_sha256 of Django 3.2': dumped('bcrypt-sha256'),
  'bcrypt of Django 3.2': dumped('bcrypt'),
  // hashlib.scrypt with the arguments of ScryptPasswordHasher.
  'scrypt of Django 4.0':
    'scrypt$16384$mySalt22$8$1$rVUNPYXkNYXlkPvJFRh9j4u4GWqMuVb1QtOwXkh3oJ++mW2wDrGSFdQ2E74ifivdTvRDdTVhOpkQQ9+p7vqesA==',
  'scrypt of Django 5.1':
    'scrypt$16384$mySalt22$8$5$eNyaj3AEqxXKjROKSCVIrGmy7Fqe08pO38xqma466V/i4huM4KCNuB92r7P8AsZxMeKPNXDXC+vDMO5j5OxBFg==',
  'pbkdf2 of passlib': '$pbkdf2$29000$HYPQGsMYA6D0fi/lHEMIwQ$EstpjEz13G/9JWzSO21FSxguBJA',
  'pbkdf2-sha256 of passlib':
    '$pbkdf2-sha256$29000$JSSE0Pqfk1JqLQUgRMg5Jw$bsIItDwyRgd2/874amxDZn3iaF77haBhqzNG0YijYbI',
  'pbkdf2-sha512 of passlib':
    '$pbkdf2-sha512$29000$nnPuvZfSWosRAmAM4ZwT4g$oHAseK6repVErAeZIOnjJe7UsB0/abNJMDyOaVvxLylDvBnA1r1gYwckz2A/uKcXaf5XCJ6RNIa9cJ7dpWN86A',
  'scrypt of passlib':
    '$scrypt$ln=14,r=8,p=1$M6YUIiSkFKIUgjBGCCHkvA$ytoFsrcTktC4wpJEg3sh3UEwK/TtynZDq06Yo+B0pAU',
  'bcrypt of passlib, $2a$': '$2a$10$KMYWGtqOYEGsxPJ020/3kuH2LNM0Wuk9bYIAZBZZTpo2u3RYuiGfm',
  'bcrypt of passlib, $2b$': '$2b$10$1Bu89fy23gAAukKfz/RBoOkJTW3Fp0YDqwib8Le3822qvjKNkqYCO',
  'bcrypt of passlib, $2y$': '$2y$10$QIXtR/hTz46/b8.wD8tAm.o8EfnFF75nFAkrTmuM/eVZTocCql0ya',
  'argon2id of passlib':
    '$argon2id$v=19$m=65536,t=3,p=4$mDNm7N07h7B2LmUMQYhxDg$23j0iCKapoNjikjXdbGUQA',
  'argon2i of version 16':
    '$argon2i$v=16$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$khKLRH9NFIFg2Vudhs9JvA',
  'argon2i without a version':
    '$argon2i$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$khKLRH9NFIFg2Vudhs9JvA',
  argon2d:
    '$argon2d$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$ViDviahSm6tgfADh7s1jAzkP+G6KjJpjE16GUck6qJk',
  // Python's hashlib and argon2-cffi, with Keycloak's parameters and its 64 bytes of PBKDF2.
  'pbkdf2 of Keycloak':
    '$pbkdf2$i=20000$AAECAwQFBgcICQoLDA0ODw$Lu/9HJnVTCO+c/GDM+pQoP20rEUQSo1hq909rs0b8MJhkS3PG83LNXfQ23jrIZuhuwD2RnsgpNR/4ZC+3h0H8A',
  'pbkdf2-sha256 of Keycloak':
    '$pbkdf2-sha256$i=27500$AAECAwQFBgcICQoLDA0ODw$R6kfDE2dAl00JMI4P/RJQLcGyeHkpRo/9bzEZAk99zDUihZ3SzgGQtdxMprv12+/hYSKnZLPSq+ogB5Z1w47vg',
  'pbkdf2-sha512 of Keycloak 26':
    '$pbkdf2-sha512$i=210000$AAECAwQFBgcICQoLDA0ODw$Yql+6WcDOQh4YzHDZ6/KYR6+6TvI2JOT6h6Qq9YM4cDYvPluSWnkMqOrg/kp8lLaV2Q99jAVZb7jF/wXMb7iGQ',
  'argon2 of Keycloak 26':
    '$argon2id$v=19$m=7168,t=5,p=1$MDEyMzQ1Njc4OWFiY2RlZg$4Rm+sr1xkFTgDHk55BlK/pCMeyEkeAuegZZGcQZbsIc',
  'pbkdf2-sha256 with a length':
    '$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$oooX6Lebtw58fBuByji7rIsLcPD8n4GxPG1FnjDO9f8',
} as const satisfies Record<string, string>;

/** The example of https://github.com/firebase/scrypt, in the notation of Supabase. */
export const firebaseExample = {
  password: 'user1password',
  hash:
    '$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==' +
    '$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
};

/** Django's digests without a slow hash. */
export const weakHashes = {
  'md5 of Django': dumped('md5'),
  'sha1 of Django': dumped('sha1'),
  'unsalted md5 of Django': '9b272d6dd101f347c9fd30778ff8e442',
  'unsalted md5 with its name': 'md5$$9b272d6dd101f347c9fd30778ff8e442',
  'unsalted sha1 of Django': 'sha1$$69a11c57d13b1bb7a9cbca5afbd5b051aafe616d',
  'sha1 without its name': '69a11c57d13b1bb7a9cbca5afbd5b051aafe616d',
} as const satisfies Record<string, string>;
