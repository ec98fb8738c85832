/** No account has such an id, so nobody here is made to have said or owed anything. Imported twice it stays the same. */
export const foreign = (id: string): string => (id.startsWith("imported.") ? id : `imported.${id}`);
