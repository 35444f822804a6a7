/** Korean, where particles are written at the end of the words that they belong to. */
const hangul = /^\p{Script=Hangul}+$/u;
/** The longer ones first. */
const particles =
  /(?:에서는|에게서|으로는|이라고|까지|부터|에서|에게|한테|으로|처럼|보다|마다|조차|밖에|이나|라고|하고|은|는|이|가|을|를|의|에|로|와|과|도|만|나|랑)$/u;
const minStem = 2;

export const isHangul = (word: string): boolean => hangul.test(word);

/** What the other forms of the word begin with: itself, and what is left without a particle. */
export function withoutParticles(word: string): string[] {
  const stem = word.replace(particles, "");
  return stem !== word && stem.length >= minStem ? [word, stem] : [word];
}
