/** Counts what a reader changes or leaves out in a whole file: one note for each kind, not for each person. */
import { countText, peopleText } from '../../../core/text.ts';
import type { SourceNote } from '../source.ts';

/** The maximum number of kinds: a file can have any number of names. */
const maxNotes = 100;

interface NoteDetails {
  readonly remedy?: string;
  readonly count?: number;
}

export class FileNotes {
  readonly #notes = new Map<string, { readonly note: SourceNote; count: number }>();
  #otherCount = 0;

  /** Counts people, by default one, for the note. Notes with the same field and message are one. */
  add(field: string, message: string, { remedy, count = 1 }: NoteDetails = {}): void {
    const key = `${field}\n${message}`;
    const known = this.#notes.get(key);
    if (known) known.count += count;
    else if (this.#notes.size >= maxNotes) this.#otherCount += count;
    else {
      const note = remedy === undefined ? { field, message } : { field, message, remedy };
      this.#notes.set(key, { note, count });
    }
  }

  /** The notes with the numbers of people. */
  list(): SourceNote[] {
    const notes = [...this.#notes.values()].map(({ note, count }) => ({
      ...note,
      message: `${note.message} (${peopleText(count)})`,
    }));
    if (this.#otherCount === 0) return notes;
    const message = `There are more kinds of notes, for ${countText(this.#otherCount, 'more value', 'more values')}.`;
    return [...notes, { field: 'file', message }];
  }
}
