/** What texts must be that are shown beside others on one line: names and titles. */

/** Controls, line ends, private use, lone surrogates, and marks that reverse the text around them. */
export const unfitForOneLine = /[\p{Cc}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u;
export const visible = /[^\p{Z}\p{C}\p{M}]/u;

/** Whether the text has something to see, and nothing that harms a line of text it is put into. */
export const fitsOneLine = (text: string): boolean => !unfitForOneLine.test(text) && visible.test(text);
