/** Letters that Unicode does not take apart into a base letter and a mark, and what people write in their place. */
const unfolded: Record<string, string> = {
  æ: "ae",
  đ: "d",
  ð: "d",
  ħ: "h",
  ı: "i",
  ł: "l",
  ø: "o",
  œ: "oe",
  ß: "ss",
  ŧ: "t",
  þ: "th",
};
const unfoldedLetter = new RegExp(`[${Object.keys(unfolded).join("")}]`, "g");

/** The text is in lower case. */
export const unfoldLetters = (text: string): string =>
  text.replace(unfoldedLetter, (letter) => unfolded[letter] ?? letter);
