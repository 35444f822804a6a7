/** Session keys: whoever has one is signed in. Only their hash is kept; a fast one is enough for 128 random bits. */
import { createHash, randomBytes } from "node:crypto";

const keyBytes = 16;
export const keyHashBytes = 32;

/** 32 hexadecimal digits. */
export const createSessionKey = (): string => randomBytes(keyBytes).toString("hex");

export const hashOfKey = (key: string): Buffer => createHash("sha256").update(key).digest();
