/**
 * Gives a chunk's memory back now. Otherwise it waits until V8 finds that nobody has it, and to find that it looks through the whole
 * heap for every 30 MB or so of such chunks. The chunk is empty from then on; one that is a part of something larger stays as it is.
 * Only for whoever made the chunk, and once no system call has it any more: that would go on with memory of somebody else.
 */
export function releaseBytes({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
