/**
 * Two SQL functions fold text: `fold_case` for unique names, and `fold_search` for searches, which also removes
 * accents. Both use a Unicode collation, in any locale of the database. Usernames are ASCII and are lowered as such,
 * because `lower('I')` is another letter in a Turkish locale. Names are stored in NFC.
 */
import { Migration } from '@mikro-orm/migrations';

/** The first collation that the server has is used. The last one folds at least ASCII letters. */
const collations = ['pg_c_utf8', 'und-x-icu', 'C.utf8', 'C.UTF-8', 'en_US.utf8', 'default'];

export class TextFolding extends Migration {
  override name = '20261128000014-text-folding';

  override up(): void {
    this.addFunctions();
    this.addSql('alter table users drop column search_text');
    this.addSql(`
      alter table users add column search_text text not null generated always as (
        fold_search(email || ' ' || coalesce(username, '') || ' ' || first_name || ' ' || last_name)
      ) stored`);
    this.addSql(
      'create index users_search_index on users using gin (search_text gin_trgm_ops) with (fastupdate = off)',
    );
    this.addSql('drop index users_username_unique');
    this.addSql('create unique index users_username_unique on users (lower(username collate "C"))');
    this.composeNames();
  }

  private addFunctions(): void {
    const names = collations.map((name) => `'${name}'`).join(', ');
    this.addSql(`
      do $do$
      declare unicode text;
      begin
        select quote_ident(collname) into strict unicode from pg_collation
          where collname in (${names}) and collnamespace = 'pg_catalog'::regnamespace
            and collencoding in (-1, pg_char_to_encoding('UTF8'))
          order by array_position(array[${names}], collname::text) limit 1;
        execute format($sql$
          create function fold_case(value text) returns text
            language sql immutable strict parallel safe
            as $$ select translate(lower(normalize(value, NFKC) collate %s), 'ς', 'σ') $$
        $sql$, unicode);
        execute format($sql$
          create function fold_search(value text) returns text
            language sql immutable strict parallel safe
            as $$ select replace(replace(replace(translate(
              lower(regexp_replace(normalize(value, NFKD), '[\\u0300-\\u036f]', '', 'g') collate %s),
              'ςıłøđ', 'σilod'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe') $$
        $sql$, unicode);
      end $do$`);
  }

  /** A name stays unchanged if its normalised form is the name of another row. */
  private composeNames(): void {
    this.addSql(`
      update groups g set name = normalize(name, NFC)
      where name is not nfc normalized
        and not exists (select 1 from groups o where o.name = normalize(g.name, NFC))`);
    this.addSql(`
      update users set first_name = normalize(first_name, NFC), last_name = normalize(last_name, NFC)
      where first_name is not nfc normalized or last_name is not nfc normalized`);
  }
}
