/** How names of objects look. They are made by Parley alone; a store that is given another one has been handed a bug. */
const hour = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}";
const objectName = new RegExp(`^${hour}/[0-9a-f-]{36}$`);
const storedName = new RegExp(`^${hour}/[0-9a-f-]{36}(\\.[A-Za-z0-9_-]+\\.part)?$`);
const folderName = new RegExp(`^${hour}/$`);

/** Of hours that never were, for what is no object: the mark of a store's database, and what a check of the store writes. */
export const markFolder = "1970-01-01T00/";
export const probeFolder = "1970-01-01T01/";

export function requireObjectName(name: string): void {
  if (!objectName.test(name)) throw new Error(`not a name of an object: ${JSON.stringify(name)}`);
}

/** An object's, or that of what a crash left of one. */
export function requireStoredName(name: string): void {
  if (!storedName.test(name)) throw new Error(`not a name of what is in a store: ${JSON.stringify(name)}`);
}

export function requireFolder(folder: string): void {
  if (!folderName.test(folder)) throw new Error(`not a folder of an object store: ${JSON.stringify(folder)}`);
}

/** What a crash left of an object; the token says which attempt it was. */
export function unfinishedName(name: string, token: string): string {
  return `${name}.${token}.part`;
}
