/** Signed URLs, with which a client takes or brings bytes without them passing through Parley. */
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { DirectTransfers } from "#blobs/stores/object-store.ts";
import { isMissing, toS3Fault } from "#blobs/stores/s3/s3-faults.ts";
import type { Bucket } from "#blobs/stores/s3/s3-listing.ts";
import { unlessStalled } from "#blobs/stores/stall-watch.ts";
import { requireObjectName } from "#blobs/stores/store-names.ts";

const checksumHeader = "x-amz-checksum-sha256";

export function createS3Direct({ client, bucket, prefix, stallMs }: Bucket): DirectTransfers {
  const targetOf = (name: string) => {
    requireObjectName(name);
    return { Bucket: bucket, Key: prefix + name };
  };
  // By the store's clock, as far as it is known: a URL signed by a wrong one would be over already, or last too long.
  const signingDate = () => new Date(Date.now() + client.config.systemClockOffset);
  return {
    async signUpload(name, { size, sha256 }, expiresIn) {
      const checksum = Buffer.from(sha256, "hex").toString("base64");
      const command = new PutObjectCommand({
        ...targetOf(name),
        ContentLength: size,
        ChecksumSHA256: checksum,
        // An object once written stays as it is, also when the URL is used again.
        IfNoneMatch: "*",
      });
      // As headers, not in the URL: there the store would not check them against the bytes.
      const headers = { [checksumHeader]: checksum, "if-none-match": "*", "content-length": String(size) };
      const unhoistableHeaders = new Set(Object.keys(headers));
      const url = await getSignedUrl(client, command, {
        expiresIn,
        signingDate: signingDate(),
        unhoistableHeaders,
        signableHeaders: new Set(["host", ...unhoistableHeaders]),
      });
      return { url, headers };
    },
    signDownload(name, { contentType, contentDisposition }, expiresIn) {
      const command = new GetObjectCommand({
        ...targetOf(name),
        ResponseContentType: contentType,
        ResponseContentDisposition: contentDisposition,
      });
      return getSignedUrl(client, command, { expiresIn, signingDate: signingDate() });
    },
    async sha256Of(name, signal) {
      try {
        const command = new HeadObjectCommand({ ...targetOf(name), ChecksumMode: "ENABLED" });
        const { ChecksumSHA256 } = await unlessStalled(stallMs, signal, (abortSignal) =>
          client.send(command, { abortSignal }),
        );
        const digest = ChecksumSHA256 ? Buffer.from(ChecksumSHA256, "base64") : undefined;
        // That of an object in parts is one of their digests, and says how many there are.
        return digest?.byteLength === 32 && !ChecksumSHA256?.includes("-")
          ? digest.toString("hex")
          : undefined;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw signal?.aborted ? signal.reason : toS3Fault(error);
      }
    },
  };
}
